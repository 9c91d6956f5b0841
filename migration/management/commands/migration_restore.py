"""`manage.py migration_restore`: an archive of ours back into an app, resumable, after a rollback point."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from migration.config import spare_loaded_code
from migration.management.archiving import STOPPED, View, actor, add_common_arguments, find_app, told_errors
from migration.orchestration.archiving_jobs import has_open_job
from migration.orchestration.archiving_restore import open_archive, preview_restore, restore_archive
from migration.states import ArchiveJobState


class Command(BaseCommand):
    """Exit codes: 0 done, 1 refused or damaged, 2 wrong usage, 3 paused, cancelled or stopped before the end."""

    help = "Restores an archive. Run again after a crash, it goes on where it was."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what is restored, and how."""
        add_common_arguments(parser)
        parser.add_argument("path", type=Path, help="the archive's folder")
        parser.add_argument(
            "--mode",
            choices=["merge", "replace"],
            default="merge",
            help="merge: put back what is missing (default); replace: make owners hold what the archive says",
        )
        parser.add_argument("--collection", action="append", help="only this collection; repeatable")
        parser.add_argument("--dry-run", action="store_true", help="say what would come of it and do nothing")
        parser.add_argument("--sample", type=int, metavar="N", help="of a dry run: try about N owners only")
        again = parser.add_mutually_exclusive_group()
        again.add_argument("--resume", action="store_true", help="refuse to begin: only go on with what was begun")
        again.add_argument("--fresh", action="store_true", help="begin anew although something was begun")

    def handle(self, *_args: Any, app: str, path: Path, **options: Any) -> None:
        """Restore, or say what it would come to."""
        found, replaces = find_app(app), options["mode"] == "replace"
        if options["sample"] is not None and not (options["dry_run"] and options["sample"] > 0):
            raise CommandError("--sample N goes with --dry-run, and N is at least 1", returncode=2)
        common: dict[str, Any] = {
            "app_id": found.id,
            "path": path,
            "replaces": replaces,
            "clock": timezone.now,
            "collections": options["collection"],
        }
        spare_loaded_code()
        with told_errors(), View(self.stdout, title=f"restore of {app}", as_json=options["json"]) as view:
            if options["dry_run"]:
                standing = preview_restore(sampled=options["sample"], tell=view.tell, **common)
            else:
                if options["resume"] and not has_open_job(found.id, open_archive(path).manifest.digest()):
                    raise CommandError("nothing to go on with: this restore was not begun or is done", returncode=2)
                standing = restore_archive(fresh=options["fresh"], actor=actor(), tell=view.tell, **common)
        view.final(standing, extras={"dry_run": options["dry_run"]})
        if standing.state != ArchiveJobState.DONE:
            raise CommandError(f"the restore is {standing.state}", returncode=STOPPED)
