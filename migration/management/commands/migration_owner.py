"""`manage.py migration_owner export|erase OWNER`: everything of one owner, to take home or gone for good."""

import getpass
import shutil
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from migration.errors import NotFound
from migration.orchestration import erasing, exporting


class Command(BaseCommand):
    """Writes an archive, or erases until nothing is left. Stopped while erasing, it or a worker goes on where it was.

    Exit codes: 0 done; 1 there is no such owner, or it was not confirmed; 2 wrong usage.
    """

    help = "Export or erase everything of an owner."

    def add_arguments(self, parser: Any) -> None:
        """Declare the verb, the owner, the file and the confirmation."""
        parser.add_argument("do", choices=["export", "erase"])
        parser.add_argument("owner", type=UUID, help="the owner's id, as the admin shows it")
        parser.add_argument("--out", type=Path, help="where the archive goes (default: OWNER.zip here)")
        parser.add_argument("--yes", action="store_true", help="do not ask for the word")

    def handle(self, *_args: Any, do: str, owner: UUID, **options: Any) -> None:
        """Do it, and say how much that was."""
        actor = f"command:{getpass.getuser()}"
        try:
            if do == "export":
                self._export(owner, actor, options["out"] or Path(f"{owner}.zip"))
            else:
                self._erase(owner, actor, confirmed=options["yes"])
        except NotFound as error:
            raise CommandError(error.detail) from error

    def _export(self, owner: UUID, actor: str, out: Path) -> None:
        with exporting.export_owner(owner_id=owner, actor=actor, at=timezone.now()) as archive, out.open("xb") as file:
            shutil.copyfileobj(archive, file)
        self.stdout.write(str(out))

    def _erase(self, owner: UUID, actor: str, *, confirmed: bool) -> None:
        if not confirmed and input(f"Type erase to erase everything of {owner}: ") != "erase":
            raise CommandError("Nothing was erased.")
        asked = erasing.request_erasure(owner_id=owner, actor=actor, at=timezone.now())
        done = erasing.erase(asked.id, clock=timezone.now)
        for table, rows in sorted(done.deleted.items()):
            self.stdout.write(f"{rows:>10} {table}")
