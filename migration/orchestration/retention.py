"""How long backups are kept: as many days as their app says, then their keys and bytes go for good."""

from datetime import datetime

from django.db import transaction

from migration import lifecycle
from migration.states import BACKUP, BackupState

MOST = 20
"""Backups made unreadable by one sweep."""


def expire_backups(*, at: datetime) -> int:
    """Make unreadable what was kept long enough, a few at a time, each with its audit line; return how many."""
    with transaction.atomic():
        expired = lifecycle.expire_backups(sources=BACKUP.sources_of(BackupState.EXPIRED), most=MOST, at=at)
        for backup in expired:
            lifecycle.audit(
                actor="retention",
                action="backup_expired",
                target=backup.id,
                at=at,
                app_id=backup.app_id,
                owner_id=backup.owner_id,
                data={"chunks": backup.chunks},
            )
    return len(expired)
