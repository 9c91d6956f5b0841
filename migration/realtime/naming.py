"""Which message a change deserves. Pure.

Messages can be overtaken (two processes move one run) and lost (Redis away). The snapshot they carry cannot lie, so
what changed since the last snapshot a socket was sent has the last word on the message's name.
"""

from migration.events import Message
from migration.states import RunState

_BY_STATE = {
    RunState.COMPLETED: Message.COMPLETED,
    RunState.FAILED: Message.FAILED,
    RunState.ROLLED_BACK: Message.ROLLED_BACK,
}


def name_of(*, said: str, state_before: str | None, state_now: str) -> str:
    """Return the message's name: each change of state is told once, whatever was said; the rest is as said."""
    if state_before != state_now:
        return str(_BY_STATE.get(RunState(state_now), Message.STAGE))
    return str(Message.PROGRESS) if said in _BY_STATE.values() else said
