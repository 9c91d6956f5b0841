"""`manage.py migration_dashboard`: work on archives, live; paused, resumed and cancelled from here."""

import json
import time
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.live import Live
from rich.table import Table

from migration.management.archiving import actor, find_app, told_errors
from migration.models import ArchiveJob
from migration.orchestration.archiving_jobs import list_jobs, wish

VERBS = {"pause": {"pause": True}, "resume": {"pause": False}, "cancel": {"cancel": True}}


class Command(BaseCommand):
    """Exit codes: 0 done, 1 refused, 2 wrong usage, 3 ended by Ctrl-C."""

    help = "Work on archives: how far each is, why its batches are as large as they are; pause, resume, cancel."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what is shown and what is wished."""
        parser.add_argument("verb", nargs="?", choices=["show", *VERBS], default="show")
        parser.add_argument("work", nargs="?", type=UUID, help="the id of the work (all verbs but show)")
        parser.add_argument("--app", help="only this app's")
        parser.add_argument("--follow", action="store_true", help="show it anew each second until nothing runs")
        parser.add_argument("--json", action="store_true", help="JSON lines instead of words")

    def handle(self, *_args: Any, verb: str, work: UUID | None, **options: Any) -> None:
        """Show, or wish."""
        if (work is None) != (verb == "show"):
            raise CommandError(f"{verb} takes {'no id' if verb == 'show' else 'the id of the work'}", returncode=2)
        app_id = find_app(options["app"]).id if options["app"] else None
        with told_errors():
            if work is not None:
                self._say(_row(wish(work, actor=actor(), at=timezone.now(), **VERBS[verb])), options)
            elif options["follow"]:
                self._follow(app_id, options)
            else:
                for job in list_jobs(app_id=app_id):
                    self._say(_row(job), options)

    def _follow(self, app_id: UUID | None, options: dict[str, Any]) -> None:
        on_terminal = self.stdout.isatty() and not options["json"]
        with Live(console=Console(), auto_refresh=False) if on_terminal else _Plain() as live:
            while True:
                rows = [_row(job) for job in list_jobs(app_id=app_id, most=20)]
                if isinstance(live, Live):
                    live.update(_table(rows), refresh=True)
                else:
                    for row in rows:
                        self._say(row, options)
                if not any(row["state"] == ArchiveJob.State.RUNNING for row in rows):
                    return
                time.sleep(1)

    def _say(self, row: dict[str, Any], options: dict[str, Any]) -> None:
        told = "  ".join(f"{name} {value}" for name, value in row.items() if value not in ("", None))
        self.stdout.write(json.dumps(row) if options["json"] else told)


class _Plain:
    """Where there is no terminal, nothing is drawn."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_exception: object) -> None:
        return None


def _row(job: ArchiveJob) -> dict[str, Any]:
    seconds = (job.updated_at - job.created_at).total_seconds()
    rate = job.done / seconds if seconds > 0 else 0.0
    return {
        "work": str(job.id),
        "app": job.app.slug,
        "kind": job.kind,
        "mode": job.mode,
        "state": job.state,
        "wish": "cancel" if job.cancel_wished else "pause" if job.pause_wished else "",
        "lines": job.done,
        "of": job.total,
        "rate": round(rate),
        "seconds_left": round((job.total - job.done) / rate) if rate else None,
        "batch": job.status.get("batch"),
        "reason": job.status.get("reason", ""),
        "strategy": job.status.get("strategy", ""),
        "priority": job.status.get("priority", ""),
        "throttle": job.status.get("throttle", ""),
        "breaker": job.status.get("breaker", ""),
        "lost": job.status.get("lost", 0),
        "failure": job.failure,
    }


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="work on archives", caption="Ctrl-C leaves; the work goes on")
    for name in rows[0] if rows else ("work",):
        table.add_column(name.replace("_", " "))
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    return table
