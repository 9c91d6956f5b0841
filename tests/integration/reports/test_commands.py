"""What operators type: the report of a run, and the check of everything."""

import json
from io import StringIO
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from migration.lifecycle import enlist
from migration.models import Chunk
from migration.orchestration.sweeping import sweep
from tests.factories.doors import account, make_tenant
from tests.factories.loads import make_app
from tests.factories.runs import completed_run
from tests.factories.uploads import todos
from tests.factories.workers import Worker, await_workers


def said(*command: str) -> str:
    out = StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


@pytest.fixture
def worker(transactional_db: None) -> Worker:
    return Worker()


class TestMigrationReport:
    def test_is_json_unless_a_page_is_asked_for(self, worker: Worker, tmp_path: Path) -> None:
        run = completed_run(worker, todos(3))
        told = json.loads(said("migration_report", str(run.id)))
        assert (told["moved"]["stored"]["entries"], told["rollback"]["rehearsal"]["passed"]) == (3, True)
        file = tmp_path / "report.html"
        assert said("migration_report", str(run.id), "--html", str(file)) == ""
        assert file.read_text().startswith("<!doctype html>")

    def test_of_no_run_is_refused_in_one_line(self, worker: Worker) -> None:
        with pytest.raises(CommandError, match="There is no such run"):
            said("migration_report", str(uuid4()))

    def test_says_where_it_could_not_write(self, worker: Worker, tmp_path: Path) -> None:
        run = completed_run(worker, todos(1))
        with pytest.raises(CommandError, match="cannot be written"):
            said("migration_report", str(run.id), "--html", str(tmp_path / "no" / "folder.html"))


class TestMigrationCheck:
    def test_passes_where_everything_works(self, worker: Worker) -> None:
        app = make_app(allowed_origins=["https://app.example"])
        sweep(at=timezone.now())
        told = json.loads(said("migration_check", "--json", "--strict"))
        assert told["ready"]
        assert {"rollback_works", "backups_readable"} <= {
            check["code"] for check in told["checks"] if check["app"] == app.slug
        }
        assert said("migration_check").strip().endswith("ready")

    def test_exits_with_one_for_an_issue(self, transactional_db: None) -> None:
        connection.close()  # a worker a test before has enlisted on it
        await_workers(0)
        with pytest.raises(SystemExit) as ended:
            said("migration_check")
        assert ended.value.code == 1

    def test_exits_with_two_for_a_warning_that_counts(self, worker: Worker) -> None:
        assert said("migration_check")
        with pytest.raises(SystemExit) as ended:
            said("migration_check", "--strict")
        assert ended.value.code == 2

    def test_names_an_index_that_is_not_there(self, worker: Worker) -> None:
        make_app(allowed_origins=["https://app.example"])
        sweep(at=timezone.now())
        with connection.cursor() as cursor:
            cursor.execute("ALTER INDEX record_by_revision RENAME TO record_by_something")
        try:
            told = json.loads(said("migration_check", "--json"))
        finally:
            with connection.cursor() as cursor:
                cursor.execute("ALTER INDEX record_by_something RENAME TO record_by_revision")
        [check] = [one for one in told["checks"] if one["code"] == "indexes"]
        assert (check["severity"], "record_by_revision" in check["detail"]) == ("warning", True)
        assert "record_by_something" not in check["detail"]

    def test_fails_for_the_app_whose_backups_do_not_open(self, transactional_db: None) -> None:
        enlist()
        tenant = make_tenant()
        account(tenant).upload(todos(1))
        Chunk.objects.update(sealed_payload=b"\x00" * 64)
        other = make_app()
        assert said("migration_check", "--app", other.slug)
        with pytest.raises(SystemExit):
            said("migration_check", "--app", tenant.app.slug)

    def test_of_no_app_is_refused(self, transactional_db: None) -> None:
        with pytest.raises(CommandError, match="no app nobody"):
            said("migration_check", "--app", "nobody")
