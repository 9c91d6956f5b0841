"""Two values for one record: waiting for somebody, or decided. What is decided may be decided otherwise later."""

from django.db import models

from migration.states.machine import Machine


class ConflictState(models.TextChoices):
    """Open waits for people; decided was decided by the policy, or by somebody."""

    OPEN = "open"
    DECIDED = "decided"


CONFLICT = Machine(
    "conflict",
    ConflictState.OPEN,
    {ConflictState.OPEN: {ConflictState.DECIDED: "chosen"}, ConflictState.DECIDED: {}},
)
