"""Start, check, roll back, check, undo, check; twice or at once is once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.utils import timezone

from migration.errors import CannotRollBack, IdempotencyMismatch, NotFound
from migration.models import AuditLine, Conflict, MigrationRun, Owner, Rollback, RollbackPoint
from migration.orchestration import rolling_back
from migration.orchestration.reverting import execute_rollback
from migration.rollback import create_point
from migration.states import RunState
from tests.factories.held import rebuilt, values_of
from tests.factories.loads import at_stage, make_device, make_owner
from tests.factories.runs import completed_run, loaded_run, sealed_run
from tests.factories.uploads import todos
from tests.factories.workers import Worker
from tests.factories.writes import write


def ask(run: MigrationRun, key: UUID | None = None) -> Rollback:
    return rolling_back.request_run_rollback(
        owner_id=run.owner_id, run_id=run.id, idempotency_key=key or uuid4(), actor="test", at=timezone.now()
    )


def undo(rollback: Rollback, key: UUID | None = None) -> Rollback:
    return rolling_back.undo(
        owner_id=rollback.owner_id,
        rollback_id=rollback.id,
        idempotency_key=key or uuid4(),
        actor="t",
        at=timezone.now(),
    )


def do(rollback: Rollback) -> Rollback:
    assert execute_rollback(rollback.id, at=timezone.now()) is not None
    rollback.refresh_from_db()
    return rollback


def live(owner: Owner) -> dict[str, str]:
    return {key: value for key, value in values_of(owner).items() if value is not None}


def _into_an_empty_account(owner: Owner) -> dict[str, str]:
    return {}


def _over_older_records(owner: Owner) -> dict[str, str]:
    write(owner, "todo:1", "older")
    write(owner, "apart", "untouched")
    return {"todo:1": "older", "apart": "untouched"}


def _over_a_tombstone(owner: Owner) -> dict[str, str]:
    write(owner, "todo:2", "x")
    write(owner, "todo:2", None, cause="rollback")
    return {}


class TestTheWayBack:
    @pytest.mark.parametrize("begin", [_into_an_empty_account, _over_older_records, _over_a_tombstone])
    def test_of_a_run_leads_there_and_back_again(
        self, worker: Worker, begin: Callable[[Owner], dict[str, str]]
    ) -> None:
        device = make_device()
        owner = device.owner
        before = begin(owner)
        run = completed_run(worker, todos(5), device=device, conflict_policy="AUTO_OVERWRITE")
        after = live(owner)
        assert after == {**before, **todos(5)}
        rollback = do(ask(run))
        assert live(owner) == before
        run.refresh_from_db()
        assert (run.state, rollback.state) == ("rolled_back", "done")
        undone = do(undo(rollback))
        assert live(owner) == after
        do(undo(undone))
        assert live(owner) == before

    def test_to_a_point_keeps_later_edits_in_the_journal_and_can_be_undone(self, worker: Worker) -> None:
        device = make_device()
        completed_run(worker, {"a": "1", "b": "2"}, device=device)
        point = create_point(owner_id=device.owner_id, name="noon", actor="test", at=timezone.now())
        write(device.owner, "a", "edited")
        write(device.owner, "c", "new")
        rollback = do(
            rolling_back.request_point_rollback(
                owner_id=device.owner_id, point_id=point.id, idempotency_key=uuid4(), actor="t", at=timezone.now()
            )
        )
        assert live(device.owner) == {"a": "1", "b": "2"}
        assert (rollback.reverted, rollback.deleted, rollback.journaled) == (2, 1, 2)
        assert set(Conflict.objects.values_list("loser_value", flat=True)) == {'"edited"', '"new"'}
        do(undo(rollback))
        assert live(device.owner) == {"a": "edited", "b": "2", "c": "new"}

    def test_keeps_what_was_edited_since_and_counts_it(self, worker: Worker) -> None:
        device = make_device()
        run = completed_run(worker, todos(3), device=device)
        write(device.owner, "todo:1", "edited since", device_id=uuid4())
        reasons, preview = rolling_back.preview_run(owner_id=run.owner_id, run_id=run.id, at=timezone.now())
        assert (reasons, preview.reverted, preview.kept_count, preview.kept[0].key_json) == ([], 2, 1, '"todo:1"')
        rollback = do(ask(run))
        assert (rollback.reverted, rollback.kept) == (2, 1)
        assert live(device.owner) == {"todo:1": "edited since"}

    def test_previews_by_the_same_numbers_and_changes_nothing(self, worker: Worker) -> None:
        run = completed_run(worker, todos(4))
        owner = run.owner
        owner.refresh_from_db()
        before, revision = rebuilt(owner, owner.revision), owner.revision
        _, preview = rolling_back.preview_run(owner_id=owner.id, run_id=run.id, at=timezone.now())
        owner.refresh_from_db()
        assert (rebuilt(owner, owner.revision), owner.revision) == (before, revision)
        rollback = do(ask(run))
        done = (rollback.from_revision, rollback.reverted, rollback.deleted, rollback.kept, rollback.journaled)
        told = (preview.from_revision, preview.reverted, preview.deleted, preview.kept_count, preview.journaled)
        assert told == done

    def test_raises_the_epoch_before_anything_else_and_is_audited(self, worker: Worker) -> None:
        run = completed_run(worker, todos(2))
        epoch = Owner.objects.get(id=run.owner_id).epoch
        rollback = ask(run)
        run.refresh_from_db()
        assert (Owner.objects.get(id=run.owner_id).epoch, run.state) == (epoch + 1, "rolling_back")
        do(rollback)
        told = AuditLine.objects.filter(owner_id=run.owner_id).order_by("id").values_list("action", flat=True)
        assert list(told) == ["epoch_raised", "rollback_requested", "rollback_done"]

    def test_of_a_run_that_is_still_loading_stops_the_load(self, worker: Worker) -> None:
        run = sealed_run(todos(3))
        claims = worker.claim()
        parts = worker.prepare(claims)
        rollback = ask(run)
        assert worker.load(claims).outcomes == {} or not parts
        do(rollback)
        assert live(run.owner) == {}


class TestOnce:
    def test_the_same_key_gives_the_same_rollback(self, worker: Worker) -> None:
        run, key = completed_run(worker, todos(2)), uuid4()
        first = ask(run, key)
        do(first)
        assert ask(run, key).id == first.id
        assert execute_rollback(first.id, at=timezone.now()) is None

    def test_another_key_gives_the_rollback_there_is(self, worker: Worker) -> None:
        run = completed_run(worker, todos(2))
        first = ask(run)
        assert ask(run).id == first.id
        do(first)
        assert ask(run).id == first.id

    def test_a_key_of_something_else_is_refused(self, worker: Worker) -> None:
        device, key = make_device(), uuid4()
        run = completed_run(worker, todos(2), device=device)
        ask(run, key)
        other = completed_run(worker, {"x": "y"}, device=make_device(device.owner), epoch="1.2")
        with pytest.raises(IdempotencyMismatch):
            ask(other, key)

    def test_eight_at_once_are_one(self, worker: Worker) -> None:
        for same_key in (True, False):
            run, key = completed_run(worker, todos(5)), uuid4()
            revision = Owner.objects.get(id=run.owner_id).revision
            asked = _at_once(lambda run=run, key=key, same=same_key: ask(run, key if same else None).id)
            assert len(set(asked)) == 1
            done = _at_once(lambda one=asked[0]: execute_rollback(one, at=timezone.now()) is not None)
            assert done.count(True) == 1
            assert Owner.objects.get(id=run.owner_id).revision == revision + 5
            rollback = Rollback.objects.get(id=asked[0])
            undone = _at_once(lambda one=rollback: undo(one).id)
            assert len(set(undone)) == 1

    def test_an_undo_is_asked_for_once(self, worker: Worker) -> None:
        rollback = do(ask(completed_run(worker, todos(2))))
        first = undo(rollback)
        assert undo(rollback).id == first.id


def _at_once(act: Callable[[], Any], threads: int = 8) -> list[Any]:
    """Do the same in several threads that start together, each on a connection of its own."""
    start = Barrier(threads)

    def one(_: int) -> Any:
        start.wait()
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, range(threads)))


class TestReasons:
    @pytest.mark.parametrize("columns", [{"purpose": "backup"}, {"dry_run": True}])
    def test_a_run_that_wrote_nothing_cannot_be_rolled_back(self, worker: Worker, columns: dict[str, Any]) -> None:
        run = completed_run(worker, todos(2), **columns)
        with pytest.raises(CannotRollBack) as refused:
            ask(run)
        assert [reason["code"] for reason in refused.value.extras["reasons"]] == ["nothing_written"]
        run.refresh_from_db()
        assert (run.state, Owner.objects.get(id=run.owner_id).epoch) == ("completed", 1)

    def test_a_completed_stage_leaves_only_points(self, worker: Worker) -> None:
        run = completed_run(worker, todos(2))
        at_stage(run.app, "complete")
        with pytest.raises(CannotRollBack):
            ask(run)

    def test_what_is_anothers_is_not_found(self, worker: Worker) -> None:
        run = completed_run(worker, todos(2))
        stranger = make_owner(run.app)
        point = RollbackPoint.objects.get(run=run)
        rollback = ask(run)
        common: dict[str, Any] = {
            "owner_id": stranger.id,
            "idempotency_key": uuid4(),
            "actor": "x",
            "at": timezone.now(),
        }
        with pytest.raises(NotFound):
            rolling_back.request_run_rollback(run_id=run.id, **common)
        with pytest.raises(NotFound):
            rolling_back.request_point_rollback(point_id=point.id, **common)
        with pytest.raises(NotFound):
            rolling_back.undo(rollback_id=rollback.id, **common)

    def test_a_rollback_under_way_cannot_be_undone(self, worker: Worker) -> None:
        with pytest.raises(CannotRollBack):
            undo(ask(completed_run(worker, todos(1))))


class TestFailure:
    def test_of_the_reverting_fails_the_run_and_leaves_a_way(self, worker: Worker) -> None:
        run = completed_run(worker, todos(2))
        owner = run.owner
        rollback = ask(run)
        with connection.cursor() as cursor:  # a row the history insert stumbles over
            cursor.execute(
                """INSERT INTO migration_record_version (owner_id, namespace, key_hash, revision, seq, device_id,
                   run_id, cause, written_at, form, queryable, fingerprint, collection, key_json, value, superseded_by)
                   SELECT owner_id, namespace, key_hash, revision, seq, device_id, run_id, cause, written_at, form,
                   queryable, fingerprint, collection, key_json, value, 99 FROM migration_record LIMIT 1"""
            )
        assert execute_rollback(rollback.id, at=timezone.now()) is None
        rollback.refresh_from_db()
        run.refresh_from_db()
        assert (rollback.state, run.state, run.failure_code) == ("failed", "failed", "rollback_failed")
        assert live(owner) == todos(2)
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM migration_record_version")
        again = do(ask(run))
        assert (again.state, live(owner)) == ("done", {})

    def test_of_workers_gives_up_after_enough_attempts(self, worker: Worker) -> None:
        run = completed_run(worker, todos(2))
        rollback = ask(run)
        Rollback.objects.filter(id=rollback.id).update(attempts=5)
        assert execute_rollback(rollback.id, at=timezone.now()) is None
        run.refresh_from_db()
        assert run.state == RunState.FAILED

    def test_worker_does_what_was_asked_for(self, worker: Worker) -> None:
        run = loaded_run(worker, todos(2))
        worker.work_until_done()
        rollback = ask(run)
        worker.work_until_done()
        rollback.refresh_from_db()
        assert (rollback.state, live(run.owner)) == ("done", {})
