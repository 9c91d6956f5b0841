"""What the commands about archives share: who asks, where, how far it is, and how it ended."""

import getpass
import json
import os
import re
import signal
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from django.core.management.base import CommandError, OutputWrapper
from rich.console import Console
from rich.live import Live
from rich.table import Table

from migration.errors import MigrationError
from migration.loading import Priority
from migration.models import App, Owner
from migration.orchestration.archiving_pieces import Standing

DIFFERS, WRONG, STOPPED = 1, 2, 3
"""Exit codes: refused, damaged or different; wrong usage; paused or cancelled before the end. 0: done."""
_EVERY = 1.0
_NICE = 10
OUTCOMES = ("restored", "same", "repaired", "unchanged", "kept", "deleted", "different", "missing", "refused")


def add_common_arguments(parser: ArgumentParser) -> None:
    """Declare what all of these commands take."""
    parser.add_argument("--app", required=True, help="the app's slug")
    parser.add_argument("--json", action="store_true", help="JSON lines instead of words")


def add_priority(parser: ArgumentParser) -> None:
    """Declare how the work stands to browsers."""
    parser.add_argument(
        "--priority",
        choices=list(Priority),
        default=Priority.NORMAL,
        help="low: gives way as soon as browsers are asked to pause, and to every other process; high: waits for "
        "nothing but memory and disk",
    )


def told_priority(given: str) -> Priority:
    """Return the priority that was asked for; low work takes only the processor nobody else wants."""
    priority = Priority(given)
    if priority is Priority.LOW:
        os.nice(_NICE)
    return priority


def find_app(slug: str) -> App:
    """Return the app. Raises CommandError with exit code 2."""
    app = App.objects.filter(slug=slug).first()
    if app is None:
        raise CommandError(f"there is no app {slug!r}", returncode=WRONG)
    return app


def find_owner(app: App, given: str) -> Owner:
    """Return an owner by id or by the subject of its account. Raises CommandError with exit code 2."""
    owners = Owner.objects.filter(app=app).exclude(kind=Owner.Kind.ERASED)
    try:
        owner = owners.filter(id=UUID(given)).first()
    except ValueError:
        owner = owners.filter(kind=Owner.Kind.ACCOUNT, subject=given).first()
    if owner is None:
        raise CommandError(f"there is no owner {given!r} in this app", returncode=WRONG)
    return owner


def actor() -> str:
    """Return who is at the terminal."""
    return f"command:{getpass.getuser()}"


@contextmanager
def told_errors() -> Iterator[None]:
    """Say what was refused, with its code, and exit with 1; Ctrl-C and SIGTERM end the work between two statements."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except MigrationError as error:
        raise CommandError(f"{error.code}: {error.detail}", returncode=DIFFERS) from error
    except OSError as error:
        raise CommandError(str(error), returncode=DIFFERS) from error
    except KeyboardInterrupt as error:
        raise CommandError("stopped; the same command goes on from here", returncode=STOPPED) from error
    finally:
        signal.signal(signal.SIGTERM, before)


class View:
    """How work is shown: a table that changes on a terminal, a line a second elsewhere, JSON lines if asked."""

    def __init__(self, out: OutputWrapper, *, title: str, as_json: bool) -> None:
        """Begin the clock."""
        self._out, self._title, self._json = out, title, as_json
        self._begun = self._last = time.monotonic()
        self._first: int | None = None
        self._peak = 0.0
        self._done_then, self._live = 0, None if as_json or not out.isatty() else Live(console=Console())

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._live:
            self._live.stop()

    def tell(self, standing: Standing) -> None:
        """Show how far the work is, once a second at most."""
        now = time.monotonic()
        if self._first is None:
            self._first = self._done_then = standing.done
        if now - self._last < _EVERY:
            return
        row = self._row(standing, now)
        self._last, self._done_then = now, standing.done
        if self._live:
            self._live.update(_table(self._title, row))
        else:
            self._say(row)

    def final(self, standing: Standing, *, extras: dict[str, Any] | None = None) -> None:
        """Show what came of it, collection by collection."""
        for name, counts in sorted(standing.counts.items()):
            if name or counts:
                self._say({"collection": name, **counts, "success_rate": success_rate(counts)})
        seconds = time.monotonic() - self._begun
        told = {
            "state": str(standing.state),
            "lines": standing.done,
            "seconds": round(seconds, 2),
            "rate": round((standing.done - (self._first or 0)) / max(seconds, 1e-6)),
            "peak_memory_mb": peak_megabytes(),
            "resumed": standing.resumed,
            "strategy": standing.strategy,
            "indexes": standing.indexes,
            "work": str(standing.job_id or ""),
            "point": str(standing.point_id or ""),
        }
        self._say({**told, **(extras or {})})

    def _row(self, standing: Standing, now: float) -> dict[str, Any]:
        current = (standing.done - self._done_then) / (now - self._last)
        average = (standing.done - (self._first or 0)) / max(now - self._begun, 1e-6)
        self._peak = max(self._peak, current)
        left = (standing.total - standing.done) / average if average else 0.0
        return {
            "lines": standing.done,
            "of": standing.total,
            "rate": round(current),
            "average": round(average),
            "peak": round(self._peak),
            "seconds_left": round(left),
            "batch": standing.batch,
            "reason": standing.reason,
            "throttle": standing.throttle,
            "breaker": standing.breaker,
            "memory_mb": peak_megabytes(),
        }

    def _say(self, row: dict[str, Any]) -> None:
        shown = {name: value for name, value in row.items() if value not in ("", None)}
        words = "  ".join(f"{name} {value}" for name, value in shown.items())
        self._out.write(json.dumps(row, default=str) if self._json else words)


def success_rate(counts: dict[str, int]) -> float:
    """Return the share of records that came to be as the archive has them; 1.0 where there are none."""
    tried = sum(counts.get(name, 0) for name in OUTCOMES)
    failed = sum(counts.get(name, 0) for name in ("refused", "different", "missing")) - counts.get("repaired", 0)
    return round(1 - max(failed, 0) / tried, 4) if tried else 1.0


def peak_megabytes() -> int:
    """Return the most memory this process has had, MiB."""
    # The kernel's other figure, ru_maxrss, begins with what the process that started this one had.
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found[1]) // 1024 if found else 0


def _table(title: str, row: dict[str, Any]) -> Table:
    table = Table(title=title, show_header=False)
    for name, value in row.items():
        table.add_row(name.replace("_", " "), str(value))
    return table
