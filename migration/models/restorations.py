"""Each time a backup was written back into the records."""

import uuid

from django.db import models

from migration.models.tenancy import Owner


class Restoration(models.Model):
    """One backup restored once under its idempotency key. Going back to `point_id` undoes it."""

    class Mode(models.TextChoices):
        MISSING = "missing", "only what is not there now"
        REPLACE = "replace", "also what has another value now"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="restorations")
    idempotency_key = models.UUIDField()
    backup_id = models.UUIDField()
    point_id = models.UUIDField(help_text="Rollback point made just before.")
    mode = models.CharField(max_length=10, choices=Mode.choices)
    came_back = models.BigIntegerField(default=0)
    replaced = models.BigIntegerField(default=0)
    unchanged = models.BigIntegerField(default=0)
    kept = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0, help_text="What the rules of now refuse.")
    actor = models.CharField(max_length=200)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "idempotency_key"], name="restoration_once")]

    def __str__(self) -> str:
        return f"restoration {self.id}"
