"""`manage.py migration_verify`: an archive held to itself, or to what an app holds now."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from migration.config import spare_loaded_code
from migration.management.archiving import (
    DIFFERS,
    STOPPED,
    View,
    actor,
    add_priority,
    find_app,
    told_errors,
    told_priority,
)
from migration.orchestration.archiving_pieces import Standing
from migration.orchestration.archiving_verify import verify_against_app, verify_file
from migration.states import ArchiveJobState


class Command(BaseCommand):
    """Exit codes: 0 all as it should be, 1 damaged or different, 2 wrong usage, 3 paused or stopped before the end."""

    requires_system_checks = ()  # they load every page; `migrate` makes them
    help = "Verifies an archive against its own digests or, with --app, against the records of an app."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what is verified, against what."""
        parser.add_argument("path", type=Path, help="the archive's folder")
        add_priority(parser)
        parser.add_argument("--app", help="the slug of the app whose records are compared")
        parser.add_argument("--collection", action="append", help="only this collection; repeatable")
        parser.add_argument("--repair", action="store_true", help="put back what is missing")
        parser.add_argument("--fresh", action="store_true", help="begin anew although something was begun")
        parser.add_argument("--json", action="store_true", help="JSON lines instead of words")

    def handle(self, *_args: Any, path: Path, app: str | None, **options: Any) -> None:
        """Verify."""
        if app is None and (options["repair"] or options["collection"]):
            raise CommandError("--repair and --collection need --app", returncode=2)
        spare_loaded_code()
        with told_errors(), View(self.stdout, title="verification", as_json=options["json"]) as view:
            differing = self._file(path, view) if app is None else self._app(path, app, options, view)
        if differing:
            raise CommandError("not all is as the archive says", returncode=DIFFERS)

    def _file(self, path: Path, view: View) -> bool:
        standing = Standing(total=0)

        def tell(lines: int) -> None:
            standing.done = lines
            view.tell(standing)

        found = verify_file(path=path, tell=tell)
        standing.state = ArchiveJobState.DONE
        view.final(standing, extras={"ok": found.ok, "records": found.records, "differing": found.differing})
        return not found.ok

    def _app(self, path: Path, app: str, options: dict[str, Any], view: View) -> bool:
        standing = verify_against_app(
            app_id=find_app(app).id,
            path=path,
            repairs=options["repair"],
            actor=actor(),
            clock=timezone.now,
            collections=options["collection"],
            priority=told_priority(options["priority"]),
            fresh=options["fresh"],
            tell=view.tell,
        )
        view.final(standing)
        if standing.state != ArchiveJobState.DONE:
            raise CommandError(f"the verification is {standing.state}", returncode=STOPPED)
        return any(
            one.get("different", 0) + one.get("missing", 0) > one.get("repaired", 0) for one in standing.counts.values()
        )
