"""Whether uploads are taken right now. Whoever is refused, or hinted at, is told a time of its own to come back."""

from random import SystemRandom

from migration.errors import Unavailable
from migration.loading import Verdict, jittered
from migration.orchestration.throttling import throttle

HINT = "Backoff"
"""Seconds a client may let pass before its next upload, on answers that went well: nothing is refused for it."""
_random = SystemRandom()


def admit() -> Verdict:
    """Return how much room there is. Raises Unavailable, with the `cause`, where there is none."""
    verdict = throttle.verdict()
    if verdict.throttles:
        wait = jittered(verdict.wait_seconds, _random)
        raise Unavailable("There is no room for uploads right now.", retry_after=wait, cause=verdict.cause)
    return verdict


def hint_of(verdict: Verdict) -> str | None:
    """Return what the header says, or None where nobody needs to wait."""
    return str(jittered(verdict.wait_seconds, _random)) if verdict.hints else None
