"""`manage.py migration_benchmark`: strategies measured on this machine and data, what follows from it, what changed."""

import json
from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from migration.config import setting
from migration.loading import Strategy
from migration.management.archiving import find_app
from migration.orchestration.benchmarking import machine, measure, sample
from migration.reports.benchmarks import analyse, compare, page

_SIZES = (0.01, 0.1, 1.0)
"""Shares of the records that `scalability` measures with."""
_MOST = 1_000_000


class Command(BaseCommand):
    """Exit codes: 0 done, 1 something has become slower (compare) or there is no result, 2 wrong usage."""

    help = "Measures loading on a schema of its own. Results are JSON files in a folder."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what is measured, and where results lie."""
        parser.add_argument("do", choices=["benchmark", "analyze", "scalability", "compare"])
        parser.add_argument("results", nargs="*", type=Path, help="analyze: one (default: the newest); compare: two")
        parser.add_argument("--folder", type=Path, default=Path("migration-benchmarks"), help="where results are kept")
        parser.add_argument("--app", help="measure with this app's own records (read only); else with made-up ones")
        parser.add_argument("--records", type=int, default=20_000, help="how many, 1,000,000 at most")
        parser.add_argument("--rounds", type=int, default=3)
        parser.add_argument("--workers", type=int, default=2, help="of parallel and hybrid, and the most measured")
        parser.add_argument("--tolerance", type=float, default=0.1, help="compare: so much slower is not slower")
        parser.add_argument("--json", action="store_true", help="JSON lines instead of words")

    def handle(self, *_args: Any, do: str, **options: Any) -> None:
        """Do it."""
        if not (1 <= options["records"] <= _MOST and options["rounds"] >= 1 and options["workers"] >= 1):
            raise CommandError("--records is 1 to 1,000,000, --rounds and --workers at least 1", returncode=2)
        if do == "compare":
            self._compare(options)
        elif do == "analyze":
            self._analyze(options)
        else:
            self._measure(do, options)

    def _measure(self, do: str, options: dict[str, Any]) -> None:
        app_id = find_app(options["app"]).id if options["app"] else None
        at, owned = timezone.now(), sample(records=options["records"], app_id=app_id)
        if not owned:
            raise CommandError("this app holds no records", returncode=1)
        rows = []
        for size, strategies, workers in _plan(do, options):
            taken = owned[: max(1, round(len(owned) * size))]
            found = measure(taken, strategies=strategies, rounds=options["rounds"], workers=workers, at=at)
            rows += [one.told() for one in found]
        result = {"kind": do, "at": at.isoformat(), "machine": machine(), "app": options["app"], "rows": rows}
        path = _kept(options["folder"], do, at, result)
        for row in rows:
            self._say(row, options)
        self._say({"kept": str(path)}, options)

    def _analyze(self, options: dict[str, Any]) -> None:
        if len(options["results"]) > 1:
            raise CommandError("analyze takes one result", returncode=2)
        path = options["results"][0] if options["results"] else _newest(options["folder"])
        for row in analyse(_read(path), current=setting("LOAD_STRATEGY")):
            self._say(row, options)

    def _compare(self, options: dict[str, Any]) -> None:
        if len(options["results"]) != 2:
            raise CommandError("compare takes two results, the earlier one first", returncode=2)
        before, after = map(_read, options["results"])
        rows = compare(before, after, tolerance=options["tolerance"])
        for row in rows:
            self._say(row, options)
        if any(row["slower"] for row in rows):
            raise CommandError("something has become slower", returncode=1)

    def _say(self, row: dict[str, Any], options: dict[str, Any]) -> None:
        words = "  ".join(f"{name} {value}" for name, value in row.items())
        self.stdout.write(json.dumps(row) if options["json"] else words)


def _plan(do: str, options: dict[str, Any]) -> list[tuple[float, list[Strategy], int]]:
    if do == "benchmark":
        return [(1.0, list(Strategy), options["workers"])]
    several = range(2, options["workers"] + 1)
    return [(size, [Strategy.COPY], 1) for size in _SIZES] + [(1.0, [Strategy.HYBRID], count) for count in several]


def _kept(folder: Path, do: str, at: datetime, result: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{do}-{at:%Y%m%dT%H%M%S}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    if do == "scalability":
        path.with_suffix(".html").write_text(page(result))
    return path


def _newest(folder: Path) -> Path:
    found = sorted(folder.glob("benchmark-*.json"))
    if not found:
        raise CommandError(f"there is no result in {folder}", returncode=1)
    return found[-1]


def _read(path: Path) -> dict[str, Any]:
    try:
        result = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise CommandError(f"{path} cannot be read", returncode=1) from error
    if not isinstance(result, dict) or not {"rows", "machine", "at"} <= result.keys():
        raise CommandError(f"{path} is no result of migration_benchmark", returncode=1)
    return result
