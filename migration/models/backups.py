"""Backups: the chunks of a run, as received."""

import uuid

from django.db import models

from migration.models.runs import MigrationRun


class Backup(models.Model):
    """The browser's data byte-exact as one run brought it; its bytes are the run's chunks."""

    class State(models.TextChoices):
        OPEN = "open"
        SEALED = "sealed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.OneToOneField(MigrationRun, on_delete=models.CASCADE, related_name="backup")
    owner_id = models.UUIDField(db_index=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    entries = models.BigIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)
    digest = models.BinaryField(max_length=32, null=True, help_text="Set digest of the latest line per key.")
    created_at = models.DateTimeField(auto_now_add=True)
    verified_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["created_at"], name="backup_unverified", condition=models.Q(verified_at__isnull=True))
        ]
