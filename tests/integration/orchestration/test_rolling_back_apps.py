"""A whole app goes back, by several workers, and forth again; asked for twice or at once it is done once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from migration.errors import CannotRollBack, IdempotencyMismatch, NotFound
from migration.models import App, AppRollback, AuditLine, Conflict, Owner, Rollback, RollbackPoint
from migration.orchestration import rolling_back_apps as apps
from migration.orchestration.rolling_back import undo
from migration.rollback import create_app_point
from tests.factories.doors import at_once
from tests.factories.held import values_of
from tests.factories.loads import make_app, make_owner
from tests.factories.ways_back import ask, back, edit, held, named, owners_of, point_of, state_of
from tests.factories.workers import Worker
from tests.factories.writes import write

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def app() -> App:
    return make_app()


class TestAPoint:
    def test_holds_each_owner_where_it_stands(self, app: App) -> None:
        owners = owners_of(app, 3)
        edit(owners[:1])
        elsewhere = owners_of(make_app(), 1)
        point = point_of(app)
        held = dict(RollbackPoint.objects.filter(app_point=point).values_list("owner_id", "revision"))
        assert held == {owners[0].id: 2, owners[1].id: 1, owners[2].id: 1}
        assert (point.owners, elsewhere[0].id in held) == (3, False)
        assert AuditLine.objects.get(action="app_point_created").data == {"owners": 3}

    def test_counts_what_is_in_flight_as_coming_after_and_waits_for_nobody(self, app: App) -> None:
        """Another connection's write that is not committed yet."""
        [owner] = owners_of(app, 1)
        made = Barrier(2)
        written = Barrier(2)

        def write_slowly() -> None:
            try:
                with transaction.atomic():
                    write(owner, "k", "in flight")
                    written.wait(20)
                    made.wait(20)
            finally:
                connection.close()

        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(write_slowly)
            written.wait(20)
            point = point_of(app)
            made.wait(20)
            writing.result(20)
        assert RollbackPoint.objects.get(app_point=point).revision == 1
        assert values_of(owner) == {"k": "in flight"}

    def test_of_an_app_there_is_not_is_not_made(self) -> None:
        with pytest.raises(NotFound):
            create_app_point(app_id=uuid4(), name="x", actor="test", at=timezone.now())


class TestTheWayBack:
    def test_leads_all_owners_there_and_forth_again_and_nothing_is_lost(self, app: App, worker: Worker) -> None:
        owners = owners_of(app, 5)
        strangers = owners_of(make_app(), 1)
        point = point_of(app)
        edit(owners[:3] + strangers)
        newcomer = make_owner(app)
        write(newcomer, "k", "after")
        order = ask(point)
        worker.work_until_done()
        assert state_of(order) == "done"
        assert held(owners) == ["before"] * 5
        assert held(strangers) == ["after"]
        assert values_of(newcomer) == {"k": None}, "an owner the point does not hold goes to revision 0"
        assert sorted(Conflict.objects.values_list("loser_value", flat=True)) == ['"after"'] * 4

        undone = back(order)
        worker.work_until_done()
        assert state_of(undone) == "done"
        assert held(owners) == ["after"] * 3 + ["before"] * 2
        assert values_of(newcomer) == {"k": "after"}
        again = back(undone)
        worker.work_until_done()
        assert state_of(again) == "done"
        assert held(owners) == ["before"] * 5

    def test_comes_to_what_the_preview_said(self, app: App, worker: Worker) -> None:
        owners = owners_of(app, 4)
        point = point_of(app)
        edit(owners[:2])
        newcomer = make_owner(app)
        write(newcomer, "a", "1")
        write(newcomer, "b", "2")
        reasons, told = apps.preview_app(app_id=app.id, point_id=point.id, at=timezone.now())
        assert (reasons, told.is_whole) == ([], True)
        assert (told.census.owners, told.census.absent, told.census.changed) == (5, 1, 3)
        assert held(owners) == ["after"] * 2 + ["before"] * 2
        order = ask(point)
        worker.work_until_done()
        done = apps.progress_of(order, at=timezone.now())
        assert (
            (done.reverted, done.deleted, done.journaled) == (told.reverted, told.deleted, told.journaled) == (4, 2, 4)
        )
        assert (done.owners, done.done, done.failed, done.touched) == (5, 5, 0, 3)
        order.refresh_from_db()
        assert order.absent == 1

    def test_of_more_owners_than_are_counted_says_so(self, app: App) -> None:
        owners = owners_of(app, 3)
        point = point_of(app)
        edit(owners)
        _, told = apps.preview_app(app_id=app.id, point_id=point.id, at=timezone.now(), most=2)
        assert (told.counted, told.reverted, told.is_whole, told.census.changed) == (2, 2, False, 3)

    def test_shuts_out_what_was_on_its_way_and_is_audited(self, app: App, worker: Worker) -> None:
        [owner] = owners_of(app, 1)
        order = ask(point_of(app))
        worker.work_until_done()
        owner.refresh_from_db()
        assert owner.epoch == 2
        actions = list(AuditLine.objects.filter(app_id=app.id).order_by("id").values_list("action", flat=True))
        assert actions == [
            "app_point_created",
            "app_rollback_requested",
            "epoch_raised",
            "rollback_done",
            "app_rollback_done",
        ]
        of_owner = AuditLine.objects.get(action="rollback_done")
        assert (of_owner.owner_id, of_owner.data["app_rollback"]) == (owner.id, str(order.id))

    def test_leaves_out_who_came_after_it_was_asked_for(self, app: App, worker: Worker) -> None:
        owners_of(app, 1)
        ask(point_of(app))
        late = make_owner(app)
        write(late, "k", "new")
        worker.work_until_done()
        assert values_of(late) == {"k": "new"}

    def test_of_one_owner_may_be_undone_alone(self, app: App, worker: Worker) -> None:
        owners = owners_of(app, 2)
        point = point_of(app)
        edit(owners)
        order = ask(point)
        worker.work_until_done()
        share = order.shares.get(owner=owners[0])
        undo(owner_id=owners[0].id, rollback_id=share.id, idempotency_key=uuid4(), actor="t", at=timezone.now())
        worker.work_until_done()
        assert held(owners) == ["after", "before"]


class TestOnce:
    def test_the_same_key_gives_the_same_and_another_key_the_one_under_way(self, app: App, worker: Worker) -> None:
        owners_of(app, 2)
        point, key = point_of(app), uuid4()
        first = ask(point, key)
        assert ask(point, key).id == ask(point).id == first.id
        worker.work_until_done()
        assert ask(point, key).id == first.id
        assert Rollback.objects.count() == 2

    def test_a_point_is_never_used_up(self, app: App, worker: Worker) -> None:
        owners = owners_of(app, 2)
        point = point_of(app)
        for _ in range(2):
            edit(owners)
            order = ask(point)
            worker.work_until_done()
            assert (state_of(order), held(owners)) == ("done", ["before"] * 2)
        assert AppRollback.objects.count() == 2

    def test_a_key_of_something_else_is_refused(self, app: App, worker: Worker) -> None:
        key = uuid4()
        order = ask(point_of(app), key)
        worker.work_until_done()
        with pytest.raises(IdempotencyMismatch):
            ask(point_of(app), key)
        with pytest.raises(IdempotencyMismatch):
            back(order, key)

    def test_another_one_waits_for_the_first(self, app: App) -> None:
        owners_of(app, 1)
        ask(point_of(app))
        with pytest.raises(CannotRollBack) as refused:
            ask(point_of(app))
        assert [reason["code"] for reason in refused.value.extras["reasons"]] == ["rolling_back"]
        ask(point_of(make_app()))

    def test_six_at_once_are_one_and_several_workers_share_it(self, app: App) -> None:
        owners = owners_of(app, 40)
        point = point_of(app)
        edit(owners)
        asked = at_once(6, lambda _: ask(point).id)
        assert len(set(asked)) == 1
        at_once(4, lambda _: Worker().work_until_done())
        Worker().work_until_done()
        assert AppRollback.objects.get(id=asked[0]).state == "done"
        assert held(owners) == ["before"] * 40
        assert set(Owner.objects.filter(app=app).values_list("revision", flat=True)) == {3}
        assert set(Rollback.objects.values_list("attempts", flat=True)) == {1}
        order = AppRollback.objects.get()
        undone = at_once(4, lambda _: back(order).id)
        assert len(set(undone)) == 1
        assert AuditLine.objects.filter(action="app_rollback_done").count() == 1

    def test_what_is_anothers_is_not_found(self, app: App) -> None:
        order, other = ask(point_of(app)), make_app()
        with pytest.raises(NotFound):
            apps.request_app_rollback(
                app_id=other.id, point_id=order.point_id, idempotency_key=uuid4(), actor="t", at=timezone.now()
            )
        for verb in (apps.pause_app_rollback, apps.resume_app_rollback, apps.retry_app_rollback):
            with pytest.raises(NotFound):
                verb(**{**named(order), "app_id": other.id})
