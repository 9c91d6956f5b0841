"""Backups: the chunks of a run, as received."""

import uuid

from django.db import models

from migration.models.runs import MigrationRun
from migration.states.backup import BackupState


class Backup(models.Model):
    """The browser's data byte-exact as one run brought it; its bytes are the run's chunks."""

    State = BackupState

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.OneToOneField(MigrationRun, on_delete=models.CASCADE, related_name="backup")
    owner_id = models.UUIDField(db_index=True)
    state = models.CharField(max_length=10, choices=BackupState.choices, default=BackupState.OPEN)
    entries = models.BigIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)
    digest = models.BinaryField(max_length=32, null=True, help_text="Set digest of the latest line per key.")
    created_at = models.DateTimeField(auto_now_add=True)
    verified_at = models.DateTimeField(null=True)
    expired_at = models.DateTimeField(null=True, help_text="Since then its bytes cannot be read by anybody.")

    class Meta:
        indexes = [
            models.Index(fields=["created_at"], name="backup_unverified", condition=models.Q(verified_at__isnull=True)),
            models.Index(
                fields=["created_at"],
                name="backup_kept",
                condition=models.Q(state__in=[BackupState.OPEN, BackupState.SEALED]),
            ),
        ]
