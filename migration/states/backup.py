"""The backup: what its bytes are good for."""

from django.db import models

from migration.states.machine import Machine


class BackupState(models.TextChoices):
    """Open still grows, sealed has the digest of the whole, expired has lost its keys and bytes for good."""

    OPEN = "open"
    SEALED = "sealed"
    EXPIRED = "expired"


BACKUP = Machine(
    "backup",
    BackupState.OPEN,
    {
        BackupState.OPEN: {BackupState.SEALED: "verified", BackupState.EXPIRED: "kept long enough"},
        BackupState.SEALED: {BackupState.EXPIRED: "kept long enough"},
        BackupState.EXPIRED: {},
    },
)
