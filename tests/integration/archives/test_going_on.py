"""Work on archives that is cut off goes on exactly there; owners that hold something are merged or replaced."""

import io
import json
import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from migration.archives import Manifest
from migration.models import App, AppPoint, ArchiveJob, Owner, Record
from migration.orchestration.archiving_jobs import LOCKS, wish
from migration.orchestration.archiving_pieces import Standing
from migration.orchestration.sweeping import sweep
from tests.factories.archives import empty, export, held_of, load, make_varied_app, restore
from tests.factories.held import values_of
from tests.factories.loads import make_app, make_owner

pytestmark = pytest.mark.usefixtures("worker")

# Of this database: another's tests work on the same server.
HELD = """
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def ran(name: str, *args: object, **options: Any) -> list[dict[str, Any]]:
    out = io.StringIO()
    call_command(name, *map(str, args), json=True, stdout=out, **options)
    return [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.fixture
def archived(tmp_path: Path) -> tuple[App, Path, dict[str, list[str]]]:
    """An app that was exported and then emptied, its archive, and what it held."""
    app = make_varied_app()
    before = held_of(app)
    export(app, tmp_path / "a")
    empty(app)
    return app, tmp_path / "a", before


class TestKilled:
    @pytest.mark.faults
    def test_restore_run_again_goes_on_where_it_was(self, archived: tuple[App, Path, dict[str, list[str]]]) -> None:
        app, path, before = archived
        command = [sys.executable, "manage.py", "migration_restore", str(path), "--app", app.slug]
        small = {"MIGRATION_ARCHIVE_BATCH_MOST": "10", "MIGRATION_ARCHIVE_BATCH_START": "10"}
        given, reached = {**os.environ, "DATABASE_URL": _url(), **small}, 0
        for point in ("archive.before_commit", "archive.after_commit"):
            armed = {**given, "MIGRATION_FAULTS": f"{point}:2:kill"}
            killed = subprocess.run(command, env=armed, capture_output=True, check=False)
            assert killed.returncode == -9, killed.stderr
            job = ArchiveJob.objects.get(app=app)
            assert reached < job.done < job.total
            await_unlocked()
            reached = job.done
        done = subprocess.run(command, env=given, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        job = ArchiveJob.objects.get(app=app)
        assert (job.state, job.done) == ("done", job.total)
        assert AppPoint.objects.filter(app=app).count() == 1
        assert b"indexes kept: " in done.stdout
        assert held_of(app) == before

    @pytest.mark.faults
    def test_export_leaves_nothing_and_can_be_run_again(self, tmp_path: Path) -> None:
        app = make_varied_app()
        command = [sys.executable, "manage.py", "migration_export", str(tmp_path / "a"), "--app", app.slug]
        given = {**os.environ, "DATABASE_URL": _url()}
        killed = subprocess.run(
            command, env={**given, "MIGRATION_FAULTS": "export.owner:2:kill"}, capture_output=True, check=False
        )
        assert killed.returncode == -9, killed.stderr
        assert not (tmp_path / "a").exists()
        assert subprocess.run(command, env=given, check=False, capture_output=True).returncode == 0
        assert [one.name for one in tmp_path.iterdir()] == ["a"]
        assert ran("migration_verify", tmp_path / "a")[-1]["ok"]


def _url() -> str:
    given = connection.settings_dict
    return f"postgresql://{given['USER']}:{given['PASSWORD']}@{given['HOST']}:{given['PORT']}/{given['NAME']}"


def await_unlocked() -> None:
    """Wait until no process is at an archive: one that was killed holds its lock until Postgres has noticed."""
    deadline = time.monotonic() + 20
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(HELD, [LOCKS])
            if not cursor.fetchone()[0]:
                return
            time.sleep(0.05)
    raise AssertionError("a killed process still holds its archive")


class TestSteering:
    def test_a_paused_restore_rests_and_goes_on(
        self, archived: tuple[App, Path, dict[str, list[str]]], settings: Any
    ) -> None:
        app, path, before = archived
        settings.MIGRATION = {**settings.MIGRATION, "ARCHIVE_BATCH_START": 10, "ARCHIVE_BATCH_MOST": 10}

        def pause(standing: Standing) -> None:
            wish(ArchiveJob.objects.get(app=app).id, pause=True, actor="test", at=timezone.now())

        rested = restore(app, path, tell=pause)
        assert (rested.state, rested.done < rested.total) == ("paused", True)
        gone_on = restore(app, path)
        assert (gone_on.state, gone_on.resumed) == ("done", True)
        assert held_of(app) == before

    def test_what_nobody_goes_on_with_expires(self, archived: tuple[App, Path, dict[str, list[str]]]) -> None:
        app, path, _ = archived
        restore(app, path)
        ArchiveJob.objects.update(state="paused", updated_at=timezone.now() - timedelta(days=30))
        assert sweep(at=timezone.now())
        job = ArchiveJob.objects.get(app=app)
        assert (job.state, job.checkpoint) == ("expired", {})
        assert not restore(app, path).resumed, "its place is forgotten"


class TestOwnersThatHoldSomething:
    def test_merging_puts_back_what_is_missing_and_keeps_what_differs(self, tmp_path: Path) -> None:
        owner = make_owner()
        load(owner, {"kept": "old", "lost": "x", "same": "s"})
        export(owner.app, tmp_path / "a")
        load(owner, [("kept", "new"), ("lost", None), ("later", "l")], conflict_policy="AUTO_OVERWRITE")
        standing = restore(owner.app, tmp_path / "a")
        assert values_of(owner) == {"kept": "new", "lost": "x", "same": "s", "later": "l"}
        assert standing.counts["default"] == {"restored": 1, "kept": 1, "unchanged": 1}

    def test_replacing_makes_it_hold_what_the_archive_says(self, tmp_path: Path) -> None:
        owner = make_owner()
        load(owner, {f"k{n}": str(n) for n in range(30)})
        export(owner.app, tmp_path / "a")
        load(owner, [("k1", "new"), ("k2", None), ("later", "l")], conflict_policy="AUTO_OVERWRITE")
        restore(owner.app, tmp_path / "a", replaces=True)
        assert values_of(owner) == {**{f"k{n}": str(n) for n in range(30)}, "later": None}

    def test_a_rollback_point_leads_back_to_before(self, tmp_path: Path) -> None:
        owner = make_owner()
        load(owner, {"a": "1"})
        export(owner.app, tmp_path / "a")
        standing = restore(owner.app, tmp_path / "a")
        point = AppPoint.objects.get(id=standing.point_id)
        assert point.points.get(owner=owner).revision == 1

    def test_another_app_gets_copies_under_ids_of_its_own(self, tmp_path: Path) -> None:
        app, other = make_varied_app(), make_app()
        before = held_of(app)
        export(app, tmp_path / "a")
        restore(other, tmp_path / "a")
        assert held_of(app) == before
        assert [values_of(owner) for owner in _owners(other)] == [values_of(owner) for owner in _owners(app)]


def _owners(app: App) -> list[Owner]:
    return list(Owner.objects.filter(app=app).order_by("subject"))


class TestVerifying:
    def test_names_what_differs_and_puts_back_what_is_missing(self, tmp_path: Path) -> None:
        app = make_varied_app()
        export(app, tmp_path / "a")
        Record.objects.filter(key_json='"k7"').delete()
        with pytest.raises(CommandError, match="not all is"):
            ran("migration_verify", tmp_path / "a", app=app.slug)
        [told, _] = ran("migration_verify", tmp_path / "a", app=app.slug, repair=True)
        assert (told["missing"], told["repaired"]) == (1, 1)
        assert ran("migration_verify", tmp_path / "a", app=app.slug, fresh=True)[0].get("missing", 0) == 0

    def test_a_dry_run_says_what_would_come_and_changes_nothing(self, tmp_path: Path) -> None:
        app, other = make_varied_app(), make_app()
        manifest: Manifest = export(app, tmp_path / "a")
        rows = ran("migration_restore", tmp_path / "a", app=other.slug, dry_run=True)
        assert sum(row.get("restored", 0) for row in rows) == manifest.counts["records"]
        assert not Owner.objects.filter(app=other).exists()
        assert not ArchiveJob.objects.exists()


class TestDashboard:
    def test_shows_work_and_takes_wishes(self, archived: tuple[App, Path, dict[str, list[str]]]) -> None:
        app, path, _ = archived
        restore(app, path)
        [row] = ran("migration_dashboard", app=app.slug)
        assert (row["state"], row["lines"], row["kind"]) == ("done", row["of"], "restore")
        with pytest.raises(CommandError, match="wrong_state"):
            ran("migration_dashboard", "cancel", row["work"])
        ArchiveJob.objects.update(state="paused")
        [cancelled] = ran("migration_dashboard", "cancel", row["work"])
        assert cancelled["state"] == "cancelled"

    @pytest.mark.parametrize("args", [("pause",), ("show", "8f14e45f-ceea-467f-a83c-4a1d5d2b7c11")])
    def test_refuses_what_makes_no_sense(self, args: tuple[str, ...]) -> None:
        with pytest.raises(CommandError) as refused:
            ran("migration_dashboard", *args)
        assert refused.value.returncode == 2
