"""`manage.py migration_keys rotate|check`: all keys under the newest of MIGRATION_ENCRYPTION_KEYS, and the proof."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from migration.orchestration import keys


class Command(BaseCommand):
    """Rewraps 32 bytes per chunk and each app secret; no data is read. May be repeated, stopped and run beside uploads.

    Exit codes: 0 everything is under the newest key; 1 something is not, and says what.
    """

    help = "Wrap the keys of all backups and app secrets under the newest encryption key, or check that they are."

    def add_arguments(self, parser: Any) -> None:
        """Declare what to do."""
        parser.add_argument("do", choices=["rotate", "check"])

    def handle(self, *_args: Any, do: str, **_options: Any) -> None:
        """Rotate or check, and say how it stands."""
        if do == "rotate":
            done = keys.rotate_keys()
            self.stdout.write(f"Wrapped the keys of {done.chunks} chunks and {done.secrets} secrets anew.")
        standing = keys.check_keys()
        self.stdout.write(
            f"Under the newest key: {standing.newest}. Under older ones: {standing.older}. "
            f"Under none of MIGRATION_ENCRYPTION_KEYS: {standing.unreadable}."
        )
        if standing.older or standing.unreadable:
            raise CommandError("Keep the older keys; what is under none of them needs the key it was wrapped with.")
        self.stdout.write("The older keys can go.")
