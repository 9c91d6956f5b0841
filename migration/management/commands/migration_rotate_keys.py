"""`manage.py migration_rotate_keys`: wrap all keys anew under the first of MIGRATION_ENCRYPTION_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from migration.errors import BackupUnreadable
from migration.orchestration import retrieving


class Command(BaseCommand):
    """Rewraps 32 bytes per chunk and each app secret; no data is read. May be repeated."""

    help = "Wrap the keys of all backups and app secrets under the newest encryption key."

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate and say how much was done."""
        try:
            chunks, secrets = retrieving.rotate_keys()
        except BackupUnreadable as error:
            raise CommandError("A key is wrapped under none of MIGRATION_ENCRYPTION_KEYS; add the old one.") from error
        self.stdout.write(f"Wrapped the keys of {chunks} chunks and {secrets} secrets under the newest key.")
