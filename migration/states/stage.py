"""The stage: who answers reads and who has the last word on writes."""

from django.db import models

from migration.states.machine import Machine


class Stage(models.TextChoices):
    """The road of a collection; each step has a step back."""

    OFF = "off"
    DUAL_WRITE = "dual_write"
    SHADOW = "shadow"
    RAMP = "ramp"
    SERVER_PRIMARY = "server_primary"
    COMPLETE = "complete"


_S = Stage

STAGE = Machine(
    "stage",
    _S.OFF,
    {
        _S.OFF: {_S.DUAL_WRITE: "readiness check"},
        _S.DUAL_WRITE: {_S.SHADOW: "receipt, diff clean", _S.OFF: "step back"},
        _S.SHADOW: {_S.RAMP: "enough comparisons agree", _S.DUAL_WRITE: "step back"},
        _S.RAMP: {_S.SERVER_PRIMARY: "100 % held", _S.SHADOW: "step back"},
        _S.SERVER_PRIMARY: {_S.COMPLETE: "operator's release", _S.RAMP: "step back"},
        _S.COMPLETE: {},
    },
)
