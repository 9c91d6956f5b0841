"""The circuit breaker in front of a failing dependency."""

from django.db import models

from migration.states.machine import Machine


class BreakerState(models.TextChoices):
    """Closed lets calls through, open refuses them, half-open lets one try."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


_B = BreakerState

BREAKER = Machine(
    "breaker",
    _B.CLOSED,
    {
        _B.CLOSED: {_B.OPEN: "too many failures"},
        _B.OPEN: {_B.HALF_OPEN: "waited long enough"},
        _B.HALF_OPEN: {_B.CLOSED: "trial succeeded", _B.OPEN: "trial failed"},
    },
)
