"""`manage.py migration_import`: entries of one owner, or of many, out of an NDJSON or JSON file."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from migration.management.archiving import add_common_arguments, find_app, find_owner, told_errors
from migration.models import MigrationRun
from migration.orchestration.archiving_import import import_entries
from migration.orchestration.archiving_import_many import import_owners
from migration.values.visible import visible


class Command(BaseCommand):
    """Exit codes: 0 stored (workers load it), 1 refused, 2 wrong usage, 3 stopped."""

    requires_system_checks = ()  # they load every page; `migrate` makes them
    help = "Imports [key, value] or {key, value} entries (NDJSON or one array; plain, gzip, zstd) as runs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what is imported, for whom."""
        add_common_arguments(parser)
        parser.add_argument("path", type=Path, help="the file")
        whose = parser.add_mutually_exclusive_group(required=True)
        whose.add_argument("--owner", help="the owner: id or account's subject")
        whose.add_argument("--owners", action="store_true", help="each entry names its account: [owner, key, value]")
        parser.add_argument("--create-owners", action="store_true", help="with --owners: make accounts that are new")
        parser.add_argument("--dry-run", action="store_true", help="a dry run: everything but the records")

    def handle(self, *_args: Any, app: str, path: Path, **options: Any) -> None:
        """Import."""
        found, at = find_app(app), timezone.now()
        given: dict[str, Any] = {"app_id": found.id, "path": path, "dry_run": options["dry_run"], "at": at}
        with told_errors():
            if options["owners"]:
                for one in import_owners(creates=options["create_owners"], **given):
                    self._say({"owner": one.subject, **_row(one.run)}, options)
            else:
                owner = find_owner(found, options["owner"])
                self._say(_row(import_entries(owner_id=owner.id, **given)), options)

    def _say(self, told: dict[str, Any], options: dict[str, Any]) -> None:
        words = "  ".join(f"{name} {visible(str(value))}" for name, value in told.items())
        self.stdout.write(json.dumps(told) if options["json"] else words)


def _row(run: MigrationRun) -> dict[str, Any]:
    return {"run": str(run.id), "state": run.state, "entries": run.entries_total}
