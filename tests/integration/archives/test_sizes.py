"""Archives of any size: restored record by record as they are, in the same memory, for the same work a record."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from tests.benchmarks.archive import write
from tests.factories.archives import empty
from tests.factories.loads import make_app
from tests.integration.archives.test_going_on import _url

pytestmark = pytest.mark.usefixtures("worker")

LARGE = [pytest.mark.soak, pytest.mark.timeout(3_600)]
MOST_MEMORY = 150


def ran(*words: str) -> tuple[dict[str, Any], float]:
    """Run a command; return the last it says, and the processor time it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    env = {**os.environ, "DATABASE_URL": _url()}
    command = [sys.executable, "manage.py", *words, "--json"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(done.stdout.splitlines()[-1]), took


@pytest.mark.parametrize("records", [10_000, pytest.param(100_000, marks=LARGE), pytest.param(1_000_000, marks=LARGE)])
def test_an_archive_comes_back_whole_in_bounded_memory(records: int, tmp_path: Path) -> None:
    app = make_app()
    write(app, tmp_path / "a", records)

    restored, took = ran("migration_restore", str(tmp_path / "a"), "--app", app.slug)
    compared, _ = ran("migration_verify", str(tmp_path / "a"), "--app", app.slug)

    print(f"{records} records: {1e6 * took / records:.1f} µs of processor each, {restored['peak_memory_mb']} MiB")
    assert restored["state"] == compared["state"] == "done"
    assert restored["lines"] == compared["lines"] > records
    assert max(restored["peak_memory_mb"], compared["peak_memory_mb"]) <= MOST_MEMORY


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_a_million_records_cost_no_more_each_than_a_hundred_thousand(tmp_path: Path) -> None:
    app = make_app()
    took: dict[int, list[float]] = {}
    for turn, records in enumerate((100, 100_000, 1_000_000, 100_000)):  # around it: the machine has moods
        path = tmp_path / str(turn)
        write(app, path, records)
        _, seconds = ran("migration_restore", str(path), "--app", app.slug, "--max-workers", "1")
        took.setdefault(records, []).append(seconds)
        empty(app)
    few, lot = [(fmean(took[records]) - took[100][0]) / records for records in (100_000, 1_000_000)]
    print(f"µs of processor a record: {1e6 * few:.1f} of 100,000, {1e6 * lot:.1f} of 1,000,000")
    assert lot <= 1.3 * few
