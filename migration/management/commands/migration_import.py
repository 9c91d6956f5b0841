"""`manage.py migration_import`: entries of one owner out of an NDJSON or JSON file."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from migration.management.archiving import add_common_arguments, find_app, find_owner, told_errors
from migration.orchestration.archiving_import import import_entries


class Command(BaseCommand):
    """Exit codes: 0 stored (workers load it), 1 refused, 2 wrong usage, 3 stopped."""

    help = "Imports [key, value] or {key, value} entries (NDJSON or one array; plain, gzip, zstd) as a run of an owner."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what is imported, for whom."""
        add_common_arguments(parser)
        parser.add_argument("path", type=Path, help="the file")
        parser.add_argument("--owner", required=True, help="the owner: id or account's subject")
        parser.add_argument("--dry-run", action="store_true", help="a dry run: everything but the records")

    def handle(self, *_args: Any, app: str, path: Path, **options: Any) -> None:
        """Import."""
        found = find_app(app)
        owner = find_owner(found, options["owner"])
        with told_errors():
            run = import_entries(
                app_id=found.id, owner_id=owner.id, path=path, dry_run=options["dry_run"], at=timezone.now()
            )
        told = {"run": str(run.id), "state": run.state, "entries": run.entries_total}
        words = "  ".join(f"{name} {value}" for name, value in told.items())
        self.stdout.write(json.dumps(told) if options["json"] else words)
