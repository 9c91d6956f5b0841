"""`manage.py migration_backup`: an owner's backups from the terminal: list, verify, download, restore."""

import getpass
import json
import shutil
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from migration.errors import MigrationError
from migration.models import App, Backup, Owner, Restoration
from migration.orchestration import restoring, retrieving
from migration.values.digests import to_wire

NOTHING = 3
"""Exit code when there was nothing to do."""
COUNTS = ("came_back", "replaced", "unchanged", "kept", "refused")


class Command(BaseCommand):
    """Exit codes: 0 done, 1 refused or found damaged (the message says why), 2 wrong usage, 3 nothing to do."""

    help = "Backups of an owner: list, verify, download or restore them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the verbs and what they take."""
        parser.add_argument("verb", choices=["list", "verify", "download", "restore"])
        parser.add_argument("--app", required=True, help="the app's slug")
        parser.add_argument("--owner", required=True, type=UUID, help="the owner's id, as the admin shows it")
        parser.add_argument("--backup", type=UUID, help="the backup's id (all verbs but list)")
        parser.add_argument("--mode", choices=Restoration.Mode.values, default="missing", help="what a restore writes")
        parser.add_argument("--out", type=Path, help="where a download goes (default: BACKUP.ndjson.gz here)")
        parser.add_argument("--json", action="store_true", help="one JSON object a line")
        parser.add_argument("--dry-run", action="store_true", help="say what a restore would do and do nothing")

    def handle(self, *_args: Any, verb: str, app: str, owner: UUID, **options: Any) -> None:
        """Do the verb."""
        if not App.objects.filter(slug=app).exists():
            raise CommandError(f"there is no app {app!r}", returncode=2)
        if verb != "list" and options["backup"] is None:
            raise CommandError(f"{verb} needs --backup", returncode=2)
        if not Owner.objects.filter(id=owner, app__slug=app).exists():
            raise CommandError("There is no such owner.")
        try:
            getattr(self, f"_{verb}")(owner, options)
        except MigrationError as error:
            raise CommandError(error.detail) from error

    def _list(self, owner: UUID, options: dict[str, Any]) -> None:
        found = retrieving.list_backups(owner_id=owner)
        for backup in found:
            self._say(_row(backup), options)
        if not found:
            raise CommandError("nothing to do", returncode=NOTHING)

    def _verify(self, owner: UUID, options: dict[str, Any]) -> None:
        found = retrieving.verify_backup(owner_id=owner, backup_id=options["backup"], at=timezone.now())
        self._say({"ok": found.ok, "entries": found.entries, "digest": to_wire(found.digest)}, options)
        for problem in found.problems:
            self._say({"code": problem.code, "chunk": str(problem.chunk or ""), "detail": problem.detail}, options)
        if not found.ok:
            raise CommandError("The backup is damaged.")

    def _download(self, owner: UUID, options: dict[str, Any]) -> None:
        backup_id = options["backup"]
        out = options["out"] or Path(f"{backup_id}.ndjson.gz")
        taken = retrieving.take_backup(owner_id=owner, backup_id=backup_id, actor=_actor(), at=timezone.now())
        try:
            with taken.file as file, out.open("xb") as target:
                shutil.copyfileobj(file, target)
        except OSError as error:
            raise CommandError(f"{out}: {error.strerror}") from error
        self._say({"file": str(out), "digest": to_wire(taken.digest)}, options)

    def _restore(self, owner: UUID, options: dict[str, Any]) -> None:
        what = {"owner_id": owner, "backup_id": options["backup"], "at": timezone.now()}
        mode = Restoration.Mode(options["mode"])
        if options["dry_run"]:
            done = restoring.preview_restore(mode=mode, **what)
        else:
            done = restoring.restore_backup(mode=mode, idempotency_key=uuid4(), actor=_actor(), **what)
        undo = {} if options["dry_run"] else {"point": str(done.point_id)}
        self._say({**{name: getattr(done, name) for name in COUNTS}, **undo}, options)
        if not done.came_back and not done.replaced:
            raise CommandError("nothing to do", returncode=NOTHING)

    def _say(self, row: dict[str, Any], options: dict[str, Any]) -> None:
        told = "  ".join(f"{name} {value}" for name, value in row.items() if value not in ("", None))
        self.stdout.write(json.dumps(row) if options["json"] else told)


def _row(backup: Backup) -> dict[str, Any]:
    return {
        "backup": str(backup.id),
        "run": str(backup.run_id),
        "state": backup.state,
        "entries": backup.entries,
        "bytes": backup.bytes,
        "created_at": backup.created_at.isoformat(),
        "verified_at": backup.verified_at.isoformat() if backup.verified_at else None,
    }


def _actor() -> str:
    return f"command:{getpass.getuser()}"
