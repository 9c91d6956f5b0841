"""Restores when things are tight: several at once, no room, bad records among good ones, Postgres lost and back."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from migration.loading import Priority
from migration.loading.monitor import Readings
from migration.models import App, ArchiveJob
from migration.orchestration import throttling
from migration.orchestration.archiving_pieces import Standing
from migration.orchestration.archiving_verify import verify_against_app
from migration.orchestration.throttling import throttle
from migration.orchestration.tuning import tune
from tests.factories.archives import empty, export, held_of, make_varied_app, restore
from tests.faults.proxy import Proxy
from tests.integration.archives.test_going_on import _url, ran

pytestmark = pytest.mark.usefixtures("worker")


def archived(folder: Path) -> tuple[App, Path, dict[str, list[str]]]:
    """Return an app that was exported and then emptied, its archive, and what it held."""
    app = make_varied_app()
    before = held_of(app)
    export(app, folder)
    empty(app)
    return app, folder, before


def small_batches(settings: Any, **more: str) -> None:
    settings.MIGRATION = {**settings.MIGRATION, "ARCHIVE_BATCH_START": "10", "ARCHIVE_BATCH_MOST": "10", **more}


def test_three_at_once_do_not_meet(tmp_path: Path) -> None:
    given = [archived(tmp_path / str(number)) for number in range(3)]
    failures: list[BaseException] = []

    def bring_back(app: App, path: Path) -> None:
        try:
            restore(app, path)
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=bring_back, args=one[:2]) for one in given]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert [held_of(app) for app, _, _ in given] == [before for _, _, before in given]


def _raise_the_limit(app: App, told: list[str], standing: Standing) -> None:
    """Note the first reason to wait, and take it away."""
    if standing.throttle and not told:
        told.append(ArchiveJob.objects.get(app=app).status["throttle"])
        tune("ROOM_PROCESS_BYTES", "0", actor="test", at=timezone.now())
        throttle.forget()


def test_without_room_it_waits_says_why_and_goes_on_when_the_limit_is_raised(tmp_path: Path, settings: Any) -> None:
    small_batches(settings, ROOM_SECONDS="0.000001", ROOM_PROCESS_BYTES="1000000")
    app, path, before = archived(tmp_path / "a")
    told: list[str] = []
    standing = restore(app, path, tell=partial(_raise_the_limit, app, told))

    assert told[0].startswith("memory_of_process: ")
    assert (standing.state, standing.throttle) == ("done", "")
    assert held_of(app) == before


@pytest.mark.parametrize("priority", ["low", "high"])
def test_low_work_gives_way_before_there_is_no_room_and_high_work_does_not(
    priority: str, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, path, before = archived(tmp_path / "a")
    small_batches(settings, ROOM_SECONDS="0.000001")
    waits = {"seconds": 110.0 if priority == "low" else 10_000.0}
    monkeypatch.setattr(throttling, "read_all", lambda: Readings(queue_seconds=waits["seconds"]))
    told: list[str] = []

    def hear(standing: Standing) -> None:
        if standing.throttle:
            told.append(ArchiveJob.objects.get(app=app).status["throttle"])
            waits["seconds"] = 0.0

    standing = restore(app, path, tell=hear, priority=Priority(priority))

    assert (standing.state, standing.throttle) == ("done", "")
    assert [one.split(":")[0] for one in told] == (["queue"] if priority == "low" else [])
    assert held_of(app) == before


def test_a_verification_waits_for_room_as_well(tmp_path: Path, settings: Any) -> None:
    app = make_varied_app()
    export(app, tmp_path / "a")
    small_batches(settings, ROOM_SECONDS="0.000001", ROOM_PROCESS_BYTES="1000000")
    told: list[str] = []
    given = {"app_id": app.id, "path": tmp_path / "a", "repairs": False, "actor": "test", "clock": timezone.now}
    standing = verify_against_app(**given, tell=partial(_raise_the_limit, app, told))

    assert told[0].startswith("memory_of_process: ")
    assert (standing.state, standing.throttle) == ("done", "")
    assert ArchiveJob.objects.get(app=app).status["throttle"] == ""


@pytest.fixture
def picky() -> Iterator[None]:
    """An installation whose own constraint refuses every tenth record of the archive."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE migration_record ADD CONSTRAINT no_zeros CHECK (key_json NOT LIKE '\"k%%0\"')")
    yield
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE migration_record DROP CONSTRAINT no_zeros")


def test_ten_percent_bad_records_are_counted_and_the_rest_lands(tmp_path: Path, request: Any) -> None:
    app, path, before = archived(tmp_path / "a")
    request.getfixturevalue("picky")

    standing = restore(app, path)

    counts = standing.counts["default"]
    assert counts["refused"] == 4, "k0, k10, k20 and k30"
    assert counts["restored"] == len(before["record"]) - 4
    assert standing.state == "done"


@pytest.mark.parametrize("latency", [0.02, pytest.param(0.25, marks=[pytest.mark.soak, pytest.mark.timeout(600)])])
def test_postgres_far_away_costs_statements_not_records(latency: float, tmp_path: Path) -> None:
    app, path, before = archived(tmp_path / "a")
    proxy = Proxy(_url())
    proxy.weather.latency = latency
    try:
        done = subprocess.run(
            [sys.executable, "manage.py", "migration_restore", str(path), "--app", app.slug, "--json"],
            env={**os.environ, "DATABASE_URL": proxy.to(_url())},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        proxy.close()

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["strategy"].startswith("copy: Postgres answers in "), "as few statements as can be"
    assert held_of(app) == before


def _cut(heard: list[str], standing: Standing) -> None:
    """End the connection to Postgres between the second batch and the third."""
    heard.append(standing.breaker)
    if heard == ["closed", "closed"]:
        with psycopg.connect(_url()) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
            time.sleep(0.1)


def test_a_comparison_waits_for_postgres_lost_and_back(tmp_path: Path, settings: Any) -> None:
    small_batches(settings)
    app, path, before = archived(tmp_path / "a")
    heard: list[str] = []
    given: dict[str, Any] = {"app_id": app.id, "path": path, "actor": "test", "clock": timezone.now}

    standing = verify_against_app(**given, repairs=False, tell=partial(_cut, heard))

    assert (standing.state, standing.resumed, standing.breaker, standing.lost) == ("done", True, "closed", 1)
    assert len(heard) > 3
    assert sum(counts["missing"] for counts in standing.counts.values()) == len(before["record"])


def test_postgres_lost_and_back_is_waited_for(tmp_path: Path, settings: Any) -> None:
    small_batches(settings)
    app, path, before = archived(tmp_path / "a")
    heard: list[str] = []

    standing = restore(app, path, tell=partial(_cut, heard))

    assert (standing.state, standing.resumed) == ("done", True)
    assert len(heard) > 3, "it was told of while Postgres was away"
    assert (standing.breaker, standing.lost) == ("closed", 1)
    [shown] = ran("migration_dashboard", app=app.slug)
    assert (shown["breaker"], shown["lost"], shown["priority"]) == ("closed", 1, "normal")
    assert held_of(app) == before
