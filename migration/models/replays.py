"""Orders to try refused entries again."""

import uuid

from django.db import models

from migration.models.records import QuarantineEntry
from migration.models.tenancy import App


class Replay(models.Model):
    """One order, asked for once under its idempotency key: a single entry, or all open ones of one cause.

    `after` is the checkpoint: entries up to it have had their turn. The counts are disjoint.
    """

    class State(models.TextChoices):
        REQUESTED = "requested"
        DONE = "done"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="replays")
    entry = models.ForeignKey(QuarantineEntry, null=True, on_delete=models.CASCADE, related_name="replays")
    code = models.CharField(max_length=64)
    collection = models.TextField()
    path = models.TextField(blank=True)
    line = models.BinaryField(null=True, help_text="The canonical line to load instead of the entry's own.")
    changes = models.JSONField(default=list, help_text="Changes to make to each entry first (RFC 6902).")
    idempotency_key = models.UUIDField(unique=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.REQUESTED)
    failure = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Begun since the last progress.")
    last_entry = models.BigIntegerField(help_text="No entry beyond this one: what is refused later is not meant.")
    after = models.BigIntegerField(default=0)
    careful_to = models.BigIntegerField(
        default=0, db_default=0, help_text="A batch failed: up to here entries are taken one by one."
    )
    replayed = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0, help_text="Refused again.")
    unfit = models.BigIntegerField(default=0, help_text="The changes do not fit.")
    closed = models.BigIntegerField(default=0, help_text="Of runs that take nothing any more.")
    actor = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="replay_due", condition=models.Q(state="requested"))]

    def __str__(self) -> str:
        return f"replay {self.id}"
