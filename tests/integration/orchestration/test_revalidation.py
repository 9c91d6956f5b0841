"""A completed run is held to its receipt again: what changed for a reason is told apart from what is gone."""

from typing import Any
from uuid import uuid4

import msgspec
import pytest
from django.db import connection
from django.utils import timezone

from migration.api import accounts
from migration.errors import NotFound, NotMigrated
from migration.models import Chunk, MigrationRun, QuarantineEntry, Record
from migration.orchestration import rolling_back
from migration.orchestration.revalidation import validate_run
from migration.orchestration.reverting import execute_rollback
from tests.factories.loads import make_app, make_device, make_owner, put_chunk
from tests.factories.runs import completed_run, loaded_run
from tests.factories.uploads import todos
from tests.factories.workers import Worker


@pytest.fixture
def worker(transactional_db: None) -> Worker:
    return Worker()


def validated(run: MigrationRun) -> dict[str, Any]:
    before = MigrationRun.objects.values().get(id=run.id)
    told = validate_run(owner_id=run.owner_id, run_id=run.id, at=timezone.now())
    assert MigrationRun.objects.values().get(id=run.id) == before, "validating changed the run"
    msgspec.convert(told, accounts.Validation)
    assert sum(told["standing"].values()) == told["backup"]["entries"]
    return told


def standing(told: dict[str, Any]) -> dict[str, int]:
    return {name: count for name, count in told["standing"].items() if count}


class TestARunThatStands:
    def test_is_valid_and_agrees_with_its_receipt(self, worker: Worker) -> None:
        device = make_device(make_owner(make_app(max_entry_bytes=200)))
        told = validated(completed_run(worker, {**todos(5), "note:1": "x" * 300, "odd": "\ud800\x00"}, device=device))
        assert told["valid"]
        assert standing(told) == {"stored": 6, "quarantined": 1}
        assert all(one["agrees"] for one in told["receipt"])

    def test_is_valid_after_later_writes(self, worker: Worker) -> None:
        run = completed_run(worker, todos(4))
        completed_run(worker, {"todo:1": "another", "todo:2": None}, device=run.device, seq=9)
        told = validated(run)
        assert told["valid"]
        assert standing(told) == {"stored": 2, "written_since": 2}

    def test_is_valid_after_later_writes_whose_history_was_pruned(self, worker: Worker) -> None:
        run = completed_run(worker, todos(4))
        completed_run(worker, {"todo:1": "another"}, device=run.device, seq=9)
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM migration_record_version")
        told = validated(run)
        assert told["valid"]
        assert standing(told) == {"stored": 3, "written_since": 1}

    def test_is_valid_after_its_rollback(self, worker: Worker) -> None:
        run = completed_run(worker, todos(4))
        at = timezone.now()
        rollback = rolling_back.request_run_rollback(
            owner_id=run.owner_id, run_id=run.id, idempotency_key=uuid4(), actor="t", at=at
        )
        execute_rollback(rollback.id, at=at)
        told = validated(run)
        assert told["valid"]
        assert standing(told) == {"rolled_back": 4}

    def test_is_valid_as_a_mere_backup(self, worker: Worker) -> None:
        assert validated(completed_run(worker, todos(3), purpose="backup"))["valid"]


class TestARunThatDoesNotStand:
    def test_names_what_is_gone(self, worker: Worker) -> None:
        run = completed_run(worker, todos(4))
        Record.objects.filter(key_json='"todo:1"').delete()
        told = validated(run)
        assert not told["valid"]
        assert told["unexplained"] == [{"key_json": '"todo:1"', "reason": "missing"}]
        assert [one["agrees"] for one in told["receipt"] if one["place"] == "stored"] == [False]

    def test_names_what_was_damaged_by_a_single_byte(self, worker: Worker) -> None:
        run = completed_run(worker, {"todo:1": "[1]", "todo:2": "[2]"})
        with connection.cursor() as cursor:
            cursor.execute("UPDATE migration_record SET value = '[3]' WHERE key_json = '\"todo:2\"'")
        told = validated(run)
        assert told["unexplained"] == [{"key_json": '"todo:2"', "reason": "damaged"}]
        assert standing(told) == {"stored": 1, "damaged": 1}

    def test_names_what_was_damaged_in_history(self, worker: Worker) -> None:
        run = completed_run(worker, {"todo:1": "[1]"})
        completed_run(worker, {"todo:1": "[2]"}, device=run.device, seq=9)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE migration_record_version SET value = '[7]'")
        assert validated(run)["unexplained"] == [{"key_json": '"todo:1"', "reason": "damaged"}]

    def test_names_chunks_that_do_not_open(self, worker: Worker) -> None:
        run = completed_run(worker, todos(2))
        chunk = Chunk.objects.get(run=run)
        sealed = bytes(chunk.sealed_payload)
        Chunk.objects.filter(id=chunk.id).update(sealed_payload=sealed[:-1] + bytes([sealed[-1] ^ 1]))
        told = validated(run)
        assert not told["valid"]
        assert told["backup"]["unreadable_chunks"] == [str(chunk.key)]

    def test_notices_a_chunk_that_was_not_sealed_with_it(self, worker: Worker) -> None:
        run = completed_run(worker, todos(2))
        put_chunk(run, [("todo:9", "late")], seq=3)
        told = validated(run)
        assert (told["valid"], told["backup"]["as_sealed"]) == (False, False)

    def test_tells_quarantine_that_was_thrown_away(self, worker: Worker) -> None:
        device = make_device(make_owner(make_app(max_entry_bytes=200)))
        run = completed_run(worker, {"note:1": "x" * 300}, device=device)
        QuarantineEntry.objects.all().delete()
        assert validated(run)["unexplained"] == [{"key_json": '"note:1"', "reason": "missing"}]


class TestWhatCannotBeValidated:
    def test_is_a_run_without_a_receipt(self, worker: Worker) -> None:
        run = loaded_run(worker, todos(1))
        with pytest.raises(NotMigrated):
            validate_run(owner_id=run.owner_id, run_id=run.id, at=timezone.now())

    def test_is_a_run_of_somebody_else(self, worker: Worker) -> None:
        run = completed_run(worker, todos(1))
        with pytest.raises(NotFound):
            validate_run(owner_id=make_owner(run.app).id, run_id=run.id, at=timezone.now())
