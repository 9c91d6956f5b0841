"""Backups from the terminal: every verb, and the exit code that says how it ended."""

import gzip
import json
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from migration.models import AuditLine, Backup, Chunk, MigrationRun, Record
from tests.factories.held import values_of
from tests.factories.loads import make_app
from tests.factories.runs import completed_run
from tests.factories.uploads import todos
from tests.factories.workers import Worker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run() -> MigrationRun:
    """A completed run, one of whose records has gone since."""
    run = completed_run(Worker(), todos(4))
    Record.objects.filter(owner_id=run.owner_id, key_json='"todo:2"').delete()
    return run


def say(run: MigrationRun, verb: str, **options: Any) -> list[dict[str, Any]]:
    out = StringIO()
    given = {"app": run.app.slug, "owner": run.owner_id, **options}
    if verb != "list":
        given.setdefault("backup", Backup.objects.get(run=run).id)
    call_command("migration_backup", verb, json=True, stdout=out, **given)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def code_of(run: MigrationRun, verb: str, **options: Any) -> int:
    with pytest.raises(CommandError) as caught:
        say(run, verb, **options)
    return caught.value.returncode


class TestTheCommand:
    def test_lists_and_verifies(self, run: MigrationRun) -> None:
        [listed] = say(run, "list")
        assert (listed["backup"], listed["state"], listed["entries"]) == (str(run.backup.id), "sealed", 4)
        assert say(run, "verify")[0]["ok"] is True

    def test_restores_what_a_dry_run_said_and_then_finds_nothing_to_do(self, run: MigrationRun) -> None:
        [said] = say(run, "restore", dry_run=True)
        assert len(values_of(run.owner)) == 3
        [done] = say(run, "restore")
        assert done.pop("point")
        assert said == done == {"came_back": 1, "replaced": 0, "unchanged": 3, "kept": 0, "refused": 0}
        assert values_of(run.owner) == todos(4)
        assert code_of(run, "restore") == 3

    def test_downloads_to_a_new_file_and_says_so_in_the_audit_log(self, run: MigrationRun, tmp_path: Path) -> None:
        out = tmp_path / "backup.gz"
        say(run, "download", out=out)
        assert dict(map(json.loads, gzip.decompress(out.read_bytes()).splitlines())) == todos(4)
        assert AuditLine.objects.get(action="backup_downloaded").app_id == run.app_id
        assert code_of(run, "download", out=out) == 1

    def test_refuses_a_damaged_backup(self, run: MigrationRun, tmp_path: Path) -> None:
        Chunk.objects.update(sealed_payload=b"x" * 60)
        assert [code_of(run, verb) for verb in ("verify", "restore")] == [1, 1]
        assert code_of(run, "download", out=tmp_path / "none") == 1
        assert not (tmp_path / "none").exists()

    def test_refuses_owners_of_another_app_and_wrong_usage(self, run: MigrationRun) -> None:
        assert code_of(run, "list", app=make_app().slug) == 1
        assert code_of(run, "list", owner=uuid4()) == 1
        assert code_of(run, "list", app="none") == 2
        assert code_of(run, "restore", backup=None) == 2
