"""A refused entry, and an operator's order to try such entries again."""

from django.db import models

from migration.states.machine import Machine


class QuarantineState(models.TextChoices):
    """Open waits for somebody, replayed went the way of every entry after all, discarded was given up."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


QUARANTINE = Machine(
    "quarantine",
    QuarantineState.OPEN,
    {
        QuarantineState.OPEN: {QuarantineState.REPLAYED: "replay", QuarantineState.DISCARDED: "discard"},
        QuarantineState.DISCARDED: {QuarantineState.OPEN: "reopen"},
        QuarantineState.REPLAYED: {},
    },
)
