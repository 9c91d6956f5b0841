"""The run: one device's move to the server."""

from django.db import models

from migration.states.machine import Machine


class RunState(models.TextChoices):
    """Where a run stands. Pause and cancel are wishes in columns of their own, not states."""

    PLANNED = "planned"
    TRANSFERRING = "transferring"
    VERIFYING = "verifying"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"


_S = RunState

RUN = Machine(
    "run",
    _S.PLANNED,
    {
        _S.PLANNED: {
            _S.TRANSFERRING: "first chunk or seal",
            _S.EXPIRED: "nothing came in time",
            _S.CANCELLED: "cancel",
        },
        _S.TRANSFERRING: {
            _S.VERIFYING: "sealed and all loaded",
            _S.FAILED: "gave up",
            _S.CANCELLED: "cancel",
            _S.ROLLING_BACK: "rollback",
        },
        _S.VERIFYING: {
            _S.COMPLETED: "digests agree",
            _S.TRANSFERRING: "repair",
            _S.FAILED: "rounds used up",
            _S.ROLLING_BACK: "rollback",
        },
        _S.COMPLETED: {_S.ROLLING_BACK: "rollback"},
        _S.FAILED: {_S.TRANSFERRING: "resume", _S.ROLLING_BACK: "rollback"},
        _S.EXPIRED: {},
        _S.CANCELLED: {_S.ROLLING_BACK: "rollback"},
        _S.ROLLING_BACK: {_S.ROLLED_BACK: "records reverted", _S.FAILED: "could not revert"},
        _S.ROLLED_BACK: {_S.ROLLING_BACK: "undo"},
    },
)

AT_WORK = (_S.PLANNED, _S.TRANSFERRING, _S.VERIFYING, _S.ROLLING_BACK)
ACCEPTS_CHUNKS = (_S.PLANNED, _S.TRANSFERRING)
LOADS = (_S.TRANSFERRING,)
