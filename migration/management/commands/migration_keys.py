"""`manage.py migration_keys rotate|check`: all keys under the newest of MIGRATION_ENCRYPTION_KEYS, and the proof."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from migration.orchestration import keys
from migration.orchestration.archiving_keys import ArchiveKeys, check_archives, rotate_archives, sealed_archives


class Command(BaseCommand):
    """Rewraps 32 bytes per chunk, app secret and part of a sealed archive; no data is read.

    May be repeated, stopped and run beside uploads. Exit codes: 0 everything is under the newest key; 1 something is
    not, and says what.
    """

    help = "Wrap the keys of backups, app secrets and sealed archives under the newest key, or check that they are."

    def add_arguments(self, parser: Any) -> None:
        """Declare what to do, and which archives lie where they were not exported to."""
        parser.add_argument("do", choices=["rotate", "check"])
        parser.add_argument("--archive", action="append", type=Path, help="an archive that was moved; repeatable")

    def handle(self, *_args: Any, do: str, archive: list[Path] | None, **_options: Any) -> None:
        """Rotate or check, and say how it stands."""
        paths = sealed_archives(archive or ())
        if do == "rotate":
            done = keys.rotate_keys()
            changed = rotate_archives(paths)
            self.stdout.write(
                f"Wrapped the keys of {done.chunks} chunks, {done.secrets} secrets and {changed} archives anew."
            )
        standing, archives = keys.check_keys(), list(check_archives(paths))
        self.stdout.write(
            f"Under the newest key: {standing.newest}. Under older ones: {standing.older}. "
            f"Under none of MIGRATION_ENCRYPTION_KEYS: {standing.unreadable}."
        )
        for one in archives:
            self._tell(one)
        if standing.older or standing.unreadable or any(one.needs_older for one in archives):
            raise CommandError("Keep the older keys; what is under none of them needs the key it was wrapped with.")
        self.stdout.write("The older keys can go.")

    def _tell(self, one: ArchiveKeys) -> None:
        if one.problem:
            self.stdout.write(
                f"Archive {one.path} cannot be looked at here and opens only under the keys it was last wrapped with "
                f"(moved: --archive): {one.problem}"
            )
        elif one.needs_older:
            missing = f", under none: {one.unreadable}" if one.unreadable else ""
            self.stdout.write(f"Archive {one.path} needs an older key: {one.older} of its keys{missing}.")
