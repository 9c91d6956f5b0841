"""Each time a backup was written back into the records."""

import uuid

from django.db import models

from migration.models.tenancy import Owner


class Restoration(models.Model):
    """One backup restored once under its idempotency key. Going back to `point_id` undoes it."""

    class Mode(models.TextChoices):
        MERGE = "merge", "only what is missing"
        REPLACE = "replace", "everything becomes as it was"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="restorations")
    idempotency_key = models.UUIDField()
    backup_id = models.UUIDField()
    point_id = models.UUIDField(help_text="Rollback point made just before.")
    mode = models.CharField(max_length=10, choices=Mode.choices)
    written = models.BigIntegerField(default=0)
    removed = models.BigIntegerField(default=0)
    unchanged = models.BigIntegerField(default=0)
    kept = models.BigIntegerField(default=0)
    journaled = models.BigIntegerField(default=0)
    actor = models.CharField(max_length=200)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "idempotency_key"], name="restoration_once")]

    def __str__(self) -> str:
        return f"restoration {self.id}"
