"""An app's rollback is paused, stumbles, loses its workers: what is done stays done, the rest goes on from there."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from migration.errors import CannotRollBack, WrongState
from migration.lifecycle import claim_shares, enlist
from migration.models import App, AppRollback, AuditLine, Owner, Rollback
from migration.orchestration import rolling_back_apps as apps
from migration.states import AppRollbackState
from tests.factories.loads import make_app
from tests.factories.sessions import in_another_session
from tests.factories.ways_back import ask, back, edit, held, named, owners_of, point_of, state_of
from tests.factories.workers import Worker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def app() -> App:
    return make_app()


class TestPausing:
    def test_stops_between_owners_and_goes_on_there(
        self, app: App, worker: Worker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        owners = owners_of(app, 5)
        point = point_of(app)
        edit(owners)
        order = ask(point)
        with monkeypatch.context() as patched:
            _after_owners(patched, 2, lambda: apps.pause_app_rollback(**named(order)))
            worker.work_until_done()
        assert state_of(order) == "paused"
        told = apps.progress_of(order, at=timezone.now())
        assert (told.done, told.owners, held(owners).count("before")) == (2, 5, 2)
        worker.work_until_done()
        assert held(owners).count("before") == 2, "nobody goes on by himself"
        apps.resume_app_rollback(**named(order))
        worker.work_until_done()
        assert (state_of(order), held(owners)) == ("done", ["before"] * 5)
        assert set(Rollback.objects.values_list("attempts", flat=True)) == {1}, "a pause is no failed attempt"

    def test_then_undoing_takes_back_what_was_done_and_goes_no_further(
        self, app: App, worker: Worker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        owners = owners_of(app, 5)
        point = point_of(app)
        edit(owners)
        order = ask(point)
        with monkeypatch.context() as patched:
            _after_owners(patched, 2, lambda: apps.pause_app_rollback(**named(order)))
            worker.work_until_done()
        reasons, told = apps.preview_app_undo(app_id=app.id, app_rollback_id=order.id, at=timezone.now())
        assert (reasons, told.census.owners, told.reverted) == ([], 2, 2)
        undone = back(order)
        worker.work_until_done()
        assert (state_of(order), state_of(undone)) == ("stopped", "done")
        assert held(owners) == ["after"] * 5
        with pytest.raises(WrongState):
            apps.resume_app_rollback(**named(order))

    def test_is_needed_before_undoing(self, app: App) -> None:
        owners_of(app, 1)
        order = ask(point_of(app))
        with pytest.raises(CannotRollBack) as refused:
            back(order)
        assert [reason["code"] for reason in refused.value.extras["reasons"]] == ["not_done"]

    def test_retrying_and_resuming_are_legal_or_refused_in_every_state(self, app: App) -> None:
        order = ask(point_of(app))
        legal = {("pause", "at_work"), ("pause", "paused"), ("resume", "at_work"), ("resume", "paused")}
        for verb, state in product(["pause", "resume", "retry"], AppRollbackState):
            AppRollback.objects.filter(id=order.id).update(state=state)
            lines = AuditLine.objects.count()
            act = getattr(apps, f"{verb}_app_rollback")
            if (verb, state) in legal:
                assert act(**named(order)).state == ("paused" if verb == "pause" else "at_work")
                continue
            with pytest.raises(WrongState):
                act(**named(order))
            assert (state_of(order), AuditLine.objects.count()) == (state, lines)


def _after_owners(monkeypatch: pytest.MonkeyPatch, count: int, act: Any) -> None:
    """Do something once so many owners are done."""
    steps: Iterator[int] = iter(range(1, 1_000))
    attempt = apps.attempt

    def then(*given: Any, **named: Any) -> Any:
        outcome = attempt(*given, **named)
        if next(steps) == count:
            act()
        return outcome

    monkeypatch.setattr(apps, "attempt", then)


class TestFailure:
    def test_of_one_owner_keeps_nobody_waiting_is_listed_and_can_be_tried_again(self, app: App, worker: Worker) -> None:
        owners = owners_of(app, 4)
        point = point_of(app)
        edit(owners)
        with connection.cursor() as cursor:  # a row the history insert stumbles over
            cursor.execute(
                """INSERT INTO migration_record_version SELECT (jsonb_populate_record(NULL::migration_record_version,
                   to_jsonb(r) || '{"superseded_by": 99}')).* FROM migration_record r WHERE owner_id = %s""",
                [owners[1].id],
            )
        order = ask(point)
        worker.work_until_done()
        assert (state_of(order), held(owners)) == ("done", ["before", "after", "before", "before"])
        failed = order.shares.get(state="failed")
        assert (failed.owner_id, failed.failure) == (owners[1].id, "IntegrityError")
        assert apps.progress_of(order, at=timezone.now()).failed == 1
        assert Owner.objects.get(id=owners[1].id).epoch == 1, "nothing of it was done"
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM migration_record_version WHERE superseded_by = 99")
        apps.retry_app_rollback(**named(order))
        worker.work_until_done()
        assert (state_of(order), held(owners)) == ("done", ["before"] * 4)

    def test_is_tried_again_neither_beside_another_nor_after_an_undo(self, app: App, worker: Worker) -> None:
        owners = owners_of(app, 2)
        noon = point_of(app)
        edit(owners)
        order = ask(noon)
        apps._list_some(order)
        Rollback.objects.filter(owner=owners[0]).update(attempts=5)
        worker.work_until_done()
        assert (state_of(order), held(owners)) == ("done", ["after", "before"])
        undone = back(order)
        for verb in (apps.retry_app_rollback, apps.put_owners_on_again):
            with pytest.raises(WrongState):
                verb(**named(order))
        worker.work_until_done()
        apps.put_owners_on_again(**named(order))
        assert (state_of(order), state_of(undone), held(owners)) == ("done", "done", ["after"] * 2)
        with pytest.raises(WrongState):
            apps.retry_app_rollback(**named(order))

        evening = ask(point_of(app))
        apps._list_some(evening)
        Rollback.objects.filter(app_rollback=evening, owner=owners[0]).update(attempts=5)
        worker.work_until_done()
        other = ask(noon)
        with pytest.raises(CannotRollBack):
            apps.retry_app_rollback(**named(evening))
        worker.work_until_done()
        apps.retry_app_rollback(**named(evening))
        worker.work_until_done()
        assert (state_of(other), state_of(evening)) == ("done", "done")
        assert sorted(held(owners), key=str) == ["after", "before"]

    def test_that_comes_again_and_again_ends_and_is_said(
        self, app: App, worker: Worker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        owners = owners_of(app, 3)
        point = point_of(app)
        edit(owners)
        order = ask(point)
        victim = owners[2].id
        attempt = apps.attempt

        def stumble(share: Any, attempts: int, **named: Any) -> Any:
            if Rollback.objects.get(id=share).owner_id == victim and attempts <= 5:
                raise RuntimeError
            return attempt(share, attempts, **named)

        monkeypatch.setattr(apps, "attempt", stumble)
        worker.work_until_done()
        assert (state_of(order), held(owners)) == ("done", ["before", "before", "after"])
        assert order.shares.get(state="failed").failure == "Workers died or failed on it."

    def test_of_a_worker_that_held_owners_leaves_them_to_another(self, app: App, worker: Worker) -> None:
        owners = owners_of(app, 3)
        point = point_of(app)
        edit(owners)
        order = ask(point)
        in_another_session(lambda: _claim_all(order))
        assert order.shares.exclude(holder=None).count() == 3
        worker.work_until_done()
        assert (state_of(order), held(owners)) == ("done", ["before"] * 3)

    def test_of_a_stalled_worker_is_overcome_when_its_lease_ends(self, app: App, worker: Worker) -> None:
        owners = owners_of(app, 2)
        point = point_of(app)
        edit(owners)
        order = ask(point)
        apps._list_some(order)
        long_ago = timezone.now() - timedelta(minutes=2)
        taken = claim_shares(order.id, holder=worker.number, at=long_ago, lease_seconds=45, most=32)
        worker.work_until_done()
        assert (state_of(order), held(owners)) == ("done", ["before"] * 2)
        for share, attempts in taken:  # it wakes up
            assert apps.attempt(share, attempts, at=timezone.now()) is None
        assert set(Owner.objects.filter(app=app).values_list("revision", flat=True)) == {3}


def _claim_all(order: AppRollback) -> None:
    number = enlist()
    apps._list_some(order)
    assert len(claim_shares(order.id, holder=number, at=timezone.now(), lease_seconds=45, most=32)) == 3
