"""`manage.py migration_restore`: an archive of ours back into an app, resumable, after a rollback point."""

import os
from argparse import SUPPRESS, ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from migration.config import setting, spare_loaded_code
from migration.loading import WISHES
from migration.management.archiving import (
    STOPPED,
    View,
    actor,
    add_common_arguments,
    add_priority,
    find_app,
    told_errors,
    told_priority,
)
from migration.models import ArchiveJob
from migration.orchestration.archiving_jobs import JobOrder, has_open_job
from migration.orchestration.archiving_pieces import Standing
from migration.orchestration.archiving_restore import (
    RestoreOrder,
    join_restore,
    open_archive,
    preview_restore,
    restore_archive,
)
from migration.states import ArchiveJobState


class Command(BaseCommand):
    """Exit codes: 0 done, 1 refused or damaged, 2 wrong usage, 3 paused, cancelled or stopped before the end."""

    requires_system_checks = ()  # they load every page; `migrate` makes them
    help = "Restores an archive. Run again after a crash, it goes on where it was."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what is restored, and how."""
        add_common_arguments(parser)
        add_priority(parser)
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
        parser.add_argument("--strategy", choices=WISHES, help="how it is written; auto chooses and says why")
        parser.add_argument("--max-workers", type=int, help="processes at most (default: MIGRATION_LOAD_WORKERS)")
        parser.add_argument("--join", action="store_true", help="help at this restore, which is under way elsewhere")
        parser.add_argument("--helping", type=int, help=SUPPRESS)
        again = parser.add_mutually_exclusive_group()
        again.add_argument("--resume", action="store_true", help="refuse to begin: only go on with what was begun")
        again.add_argument("--fresh", action="store_true", help="begin anew although something was begun")

    def handle(self, *_args: Any, app: str, path: Path, **options: Any) -> None:
        """Restore, or say what it would come to."""
        found, replaces = find_app(app), options["mode"] == "replace"
        if options["sample"] is not None and not (options["dry_run"] and options["sample"] > 0):
            raise CommandError("--sample N goes with --dry-run, and N is at least 1", returncode=2)
        if (options["max_workers"] or 1) < 1:
            raise CommandError("--max-workers N: N is at least 1", returncode=2)
        order = RestoreOrder(
            app_id=found.id,
            path=path,
            replaces=replaces,
            collections=options["collection"],
            strategy=options["strategy"] or setting("LOAD_STRATEGY"),
            max_workers=options["max_workers"] or setting("LOAD_WORKERS"),
            priority=told_priority(options["priority"]),
        )
        spare_loaded_code()
        with told_errors(), View(self.stdout, title=f"restore of {app}", as_json=options["json"]) as view:
            standing = self._restored(order, view, **options)
        view.final(standing, extras={"dry_run": options["dry_run"]})
        fine = {ArchiveJobState.DONE, *([ArchiveJobState.RUNNING] if options["join"] else [])}
        if standing.state not in fine:
            raise CommandError(f"the restore is {standing.state}", returncode=STOPPED)

    def _restored(self, order: RestoreOrder, view: View, *, helping: int | None, **options: Any) -> Standing:
        if options["dry_run"]:
            return preview_restore(order, clock=timezone.now, sampled=options["sample"], tell=view.tell)
        if options["join"]:
            # A helper ends with whoever started it; what it was at is taken up by the next who asks.
            goes_on = (lambda: os.getppid() == helping) if helping else (lambda: True)
            return join_restore(order, actor=actor(), clock=timezone.now, goes_on=goes_on)
        if options["resume"]:
            work = JobOrder(order.app_id, ArchiveJob.Kind.RESTORE, order.mode, order.path, order.collections)
            if not has_open_job(work, open_archive(order.path).manifest):
                raise CommandError("nothing to go on with: this restore was not begun or is done", returncode=2)
        return restore_archive(order, fresh=options["fresh"], actor=actor(), clock=timezone.now, tell=view.tell)
