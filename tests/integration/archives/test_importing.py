"""A foreign file becomes a run like any other; a file that is none changes nothing."""

import gzip
import io
import json
from pathlib import Path

import pytest
import zstandard
from django.core.management import CommandError, call_command
from django.utils import timezone

from migration.archives import foreign_entries
from migration.errors import MigrationError
from migration.models import App, MigrationRun, Owner
from migration.orchestration.archiving_import import import_entries
from migration.orchestration.work import work_until_done
from tests.factories.held import values_of
from tests.factories.loads import make_app, make_owner
from tests.factories.workers import Worker

ENTRIES = {"a": "1", "b": '{"x":"é"}', "c\ud800": "\udfff\x00", "": "long " * 50_000}


def ndjson() -> bytes:
    return b"".join(json.dumps(pair).encode() + b"\n" for pair in ENTRIES.items())


def array() -> bytes:
    return json.dumps([{"key": key, "value": value} for key, value in ENTRIES.items()], indent=1).encode()


def pairs() -> bytes:
    return json.dumps(list(ENTRIES.items()), ensure_ascii=True).encode()


def brought(owner: Owner, path: Path) -> MigrationRun:
    return import_entries(app_id=owner.app_id, owner_id=owner.id, path=path, dry_run=False, at=timezone.now())


class TestImports:
    @pytest.mark.parametrize("written", [ndjson, array, pairs], ids=lambda one: one.__name__)
    @pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress], ids=["plain", "gzip", "zstd"])
    def test_read_every_form(self, written: object, pack: object, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(pack(written()))
        assert dict(foreign_entries(path, longest=10**6, most=10**7)) == ENTRIES

    def test_become_a_run_with_a_receipt_once(self, worker: Worker, tmp_path: Path) -> None:
        owner, path = make_owner(), tmp_path / "file"
        path.write_bytes(ndjson())
        run = brought(owner, path)
        work_until_done(holder=worker.number, clock=timezone.now)
        run.refresh_from_db()
        assert (run.state, bool(run.receipt)) == ("completed", True)
        assert values_of(owner) == ENTRIES
        assert brought(owner, path).id == run.id
        assert MigrationRun.objects.filter(owner=owner).count() == 1

    @pytest.mark.parametrize(
        ("raw", "code"),
        [
            (b"", "archive_invalid"),
            (b"[" * 100_000, "archive_invalid"),
            (b'[["a","1"]', "archive_invalid"),
            (b'[["a","1"]] more', "archive_invalid"),
            (b'["a",1]\n', "archive_invalid"),
            (b'["a","1"]\n["a","2"]\n', "archive_invalid"),
            (b'["a","\xff"]\n', "archive_invalid"),
            (gzip.compress(b'["a","1"]\n', mtime=0)[:-4], "archive_damaged"),
        ],
        ids=["empty", "nested", "unended", "followed", "number", "twice", "bytes", "torn"],
    )
    def test_of_what_is_no_file_of_entries_change_nothing(
        self, raw: bytes, code: str, worker: Worker, tmp_path: Path
    ) -> None:
        owner, path = make_owner(), tmp_path / "file"
        path.write_bytes(raw)
        with pytest.raises(MigrationError) as refused:
            brought(owner, path)
        assert refused.value.code == code
        assert not MigrationRun.objects.exists()

    def test_stop_at_a_bomb(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(gzip.compress(b" " * 50_000_000))
        with pytest.raises(MigrationError) as refused:
            list(foreign_entries(path, longest=10**6, most=10**6))
        assert refused.value.code == "archive_too_large"


class TestImportsOfMany:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        """A file of two accounts, their entries mixed."""
        path, other = tmp_path / "file", {"only": "mine", "a": "another"}
        rows = [["ada", *pair] for pair in ENTRIES.items()] + [["grace", *pair] for pair in other.items()]
        rows.sort(key=lambda row: row[1])
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    def _ran(self, app: App, path: Path, *words: str) -> list[dict[str, object]]:
        out = io.StringIO()
        call_command("migration_import", str(path), "--app", app.slug, "--owners", *words, json=True, stdout=out)
        return [json.loads(line) for line in out.getvalue().splitlines()]

    def test_give_each_account_its_own_run_once(self, worker: Worker, path: Path) -> None:
        app = make_app()
        told = self._ran(app, path, "--create-owners")
        work_until_done(holder=worker.number, clock=timezone.now)
        owners = {one.subject: one for one in Owner.objects.filter(app=app)}
        assert [one["owner"] for one in told] == ["ada", "grace"] == sorted(owners)
        assert values_of(owners["ada"]) == ENTRIES
        assert values_of(owners["grace"]) == {"only": "mine", "a": "another"}
        assert [one["run"] for one in self._ran(app, path)] == [one["run"] for one in told]
        assert MigrationRun.objects.filter(app=app).count() == 2

    def test_store_nothing_where_an_owner_is_unknown(self, worker: Worker, path: Path) -> None:
        app = make_app()
        Owner.objects.create(app=app, kind="account", subject="ada")
        with pytest.raises(CommandError, match="not_found"):
            self._ran(app, path)
        assert not MigrationRun.objects.exists()

    def test_refuse_entries_that_name_nobody(self, worker: Worker, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(ndjson())
        with pytest.raises(CommandError, match="archive_invalid"):
            self._ran(make_app(), path, "--create-owners")
        assert not Owner.objects.exists()
