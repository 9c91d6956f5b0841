"""Several processes at one restore: what comes of it is what one alone would have made."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from migration.archives import writing
from migration.models import App, ArchiveJob
from migration.orchestration.archiving_pieces import PIECES, Standing
from migration.orchestration.archiving_restore import RestoreOrder, join_restore
from tests.factories.archives import empty, export, held_of, load, make_varied_app, restore
from tests.factories.loads import make_owner
from tests.integration.archives.test_going_on import HELD, _url, await_unlocked

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
def archived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[App, Path, dict[str, list[str]]]:
    """An app whose archive has several parts, since emptied; the archive; what it held."""
    monkeypatch.setattr(writing, "PART_BYTES", 1_500)
    app = make_varied_app()
    for number in range(4):
        load(make_owner(app), {f"k{n}": f"{number}-{n}" for n in range(25)})
    manifest = export(app, tmp_path / "a")
    assert len(manifest.parts) > 2
    before = held_of(app)
    empty(app)
    return app, tmp_path / "a", before


def _command(app: App, path: Path, *more: str) -> list[str]:
    return [sys.executable, "manage.py", "migration_restore", str(path), "--app", app.slug, "--json", *more]


def _env(**more: str) -> dict[str, str]:
    small = {"MIGRATION_ARCHIVE_BATCH_MOST": "10", "MIGRATION_ARCHIVE_BATCH_START": "10"}
    return {**os.environ, "DATABASE_URL": _url(), **small, **more}


@pytest.mark.faults
def test_two_processes_restore_what_one_would_though_one_of_them_is_killed(
    archived: tuple[App, Path, dict[str, list[str]]], tmp_path: Path
) -> None:
    app, path, before = archived
    command = _command(app, path, "--strategy", "hybrid", "--max-workers", "2")
    (tmp_path / "once").mkdir()
    armed = _env(MIGRATION_FAULTS="archive.after_commit:2:kill", MIGRATION_FAULTS_ONCE=str(tmp_path / "once"))

    done = subprocess.run(command, env=armed, capture_output=True, text=True, check=False)
    if done.returncode == -9:  # it was not the helper; run again, it goes on
        await_unlocked()
        done = subprocess.run(command, env=armed, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "once").iterdir()), "somebody was killed"
    assert held_of(app) == before
    job = ArchiveJob.objects.get(app=app)
    assert (job.state, job.done) == ("done", job.total)
    assert json.loads(done.stdout.splitlines()[-1])["strategy"] == "hybrid: asked for"


def test_a_piece_somebody_is_at_is_left_alone(
    archived: tuple[App, Path, dict[str, list[str]]], django_db_blocker: Any
) -> None:
    app, path, before = archived
    told: list[int] = []

    def look(standing: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(HELD, [PIECES])
            told.append(cursor.fetchone()[0])

    standing = restore(app, path, tell=look)

    assert held_of(app) == before
    assert set(told) == {1}, "one piece at a time is this process's"
    assert standing.strategy.startswith("copy: ")
    assert "one worker: " in standing.strategy, "the reason names the bound"


def test_what_a_helper_does_last_is_counted_as_well(archived: tuple[App, Path, dict[str, list[str]]]) -> None:
    """The helper ends the last piece while nothing but that is left to do for this process."""
    app, path, _ = archived
    order = RestoreOrder(app_id=app.id, path=path, replaces=False)
    taken, all_else = threading.Event(), threading.Event()

    def help_last() -> bool:
        taken.set()
        return all_else.wait(30)

    def help_out() -> None:
        join_restore(order, actor="test", clock=timezone.now, goes_on=help_last)
        connection.close()

    helper = threading.Thread(target=help_out)

    def tell(standing: Standing) -> None:
        if helper.ident is None:
            helper.start()
            assert taken.wait(30), "the helper is at a piece"
        elif ArchiveJob.objects.get(app=app).checkpoint.keys() == {str(n) for n in range(parts) if n != 1}:
            all_else.set()

    parts = len(json.loads((path / "manifest.json").read_bytes())["parts"])
    standing = restore(app, path, tell=tell)

    helper.join(30)
    assert standing.done == standing.total
    assert standing.counts == ArchiveJob.objects.get(app=app).counts


@pytest.mark.parametrize("strategy", ["upsert", "row"])
def test_every_way_restores_the_same(archived: tuple[App, Path, dict[str, list[str]]], strategy: str) -> None:
    app, path, before = archived

    restore(app, path, strategy=strategy)

    assert held_of(app) == before


def test_other_collections_are_other_work(archived: tuple[App, Path, dict[str, list[str]]]) -> None:
    app, path, _ = archived
    restore(app, path, collections=["none"])
    ArchiveJob.objects.update(state="paused", checkpoint={"0": {"through": True}})

    standing = restore(app, path)

    assert not standing.resumed
    assert standing.counts["default"]["restored"] > 100
    assert restore(app, path, collections=["none"]).resumed, "each is known again"
