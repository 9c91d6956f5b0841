"""A whole app, its owners and their runs go back and forth in any order: compared with a model of who said what.

The model knows where each owner must stand, which verbs are legal, and that nothing a person wrote is dropped: it is in
the records, or was set aside where a way back went over it, and stands in history either way.
"""

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from migration.config import setting
from migration.errors import CannotRollBack, MigrationError
from migration.models import AppRollback, Conflict, Owner, Rollback
from migration.orchestration import rolling_back
from migration.orchestration import rolling_back_apps as apps
from migration.orchestration.reverting import execute_rollback
from tests.factories.held import rebuilt, value_of, values_of
from tests.factories.lineage import Lineage, Order, Way, Went
from tests.factories.loads import make_app, make_device, make_owner
from tests.factories.runs import completed_run
from tests.factories.ways_back import point_of
from tests.factories.workers import Worker
from tests.factories.writes import write

ACTS = [
    *["write", "write", "run", "name", "come", "ask", "ask", "work", "work", "work", "die", "die", "pause", "resume"],
    *["retry", "undo", "undo", "undo_one", "leave_run", "put_on"],
]
UNDER_WAY = ("at_work", "paused")
SOME = st.integers(0, 11)


class GoingBack(RuleBasedStateMachine):
    """One app; a worker takes one owner at a time, so that everything else can come in between."""

    @initialize(owners=st.integers(2, 4))
    def begin(self, owners: int) -> None:
        self.app, self.worker = make_app(), Worker()
        self.owners: list[Owner] = []
        self.said: dict[UUID, Lineage] = {}
        self.off: set[UUID] = set()
        self.points: list[tuple[Any, dict[UUID, int]]] = []
        self.orders: list[Order] = []
        self.ways: dict[UUID, Way] = {}
        self.runs: list[tuple[UUID, UUID]] = []
        self.left: dict[UUID, Way] = {}
        self.writes = 0
        for _ in range(owners):
            self.come(0, 0)
        self.name(0, 0)

    @rule(acts=st.lists(st.tuples(st.sampled_from(ACTS), SOME, SOME), min_size=8, max_size=30))
    def some(self, acts: list[tuple[str, int, int]]) -> None:
        """Things happen one after the other. Chosen here: rules of their own would mostly repeat themselves."""
        for act, one, other in acts:
            getattr(self, act)(one, other)
            self.is_whole()

    # --- owners and what they write ---------------------------------------------------------------------------------

    def come(self, _one: int, other: int) -> None:
        """Somebody new, with an entry."""
        self.owners.append(make_owner(self.app))
        self.said[self.owners[-1].id] = Lineage()
        self.write(len(self.owners) - 1, other)

    def write(self, one: int, other: int) -> None:
        """A key is written or deleted, on some device; now and then to what stands there."""
        owner, key = self._owner(one), "abc"[other % 3]
        self.writes += other % 4 != 1
        value = None if other > 9 and self.said[owner.id].value(key) is not None else f"v{self.writes}"
        write(owner, key, value, seq=self.writes, device_id=uuid4())
        self.said[owner.id].write(key, value)

    def run(self, one: int, other: int) -> None:
        """A browser moves to the server; where somebody wrote the same key, it wins."""
        owner = self._owner(one)
        if owner.id in self.off:
            return
        self.writes += 1
        entries = dict.fromkeys(("ab", "bc", "a", "abcd")[other % 4], f"run {self.writes}")
        run = completed_run(self.worker, entries, device=make_device(owner), conflict_policy="AUTO_OVERWRITE")
        for key, value in entries.items():
            self.said[owner.id].write(key, value, run=run.id)
        self.runs.append((owner.id, run.id))

    # --- the whole app ----------------------------------------------------------------------------------------------

    def name(self, _one: int, _other: int) -> None:
        """Somebody names where all owners stand."""
        self.points.append((point_of(self.app), {owner: said.revision for owner, said in self.said.items()}))

    def ask(self, one: int, other: int) -> None:
        """Somebody wants all owners at a point: foreseen as it will be, or refused while another is under way."""
        point, held = self.points[one % len(self.points)]
        goals = {owner: held.get(owner, 0) for owner in self.said}
        key = self.orders[-1].key if self.orders and other == 0 else uuid4()
        named = {"app_id": self.app.id, "point_id": point.id}
        known = [one for one in self.orders if one.key == key and one.point == point.id]
        known += [one for one in self.orders if one.point == point.id and one.state in UNDER_WAY]
        legal = bool(known) or not (self._under_way() or (self.orders and key == self.orders[-1].key))
        if not self._under_way():
            reasons, told = apps.preview_app(**named, at=timezone.now())
            assert not reasons
            self._is_foreseen(told, goals)
        asked = self._does(legal, apps.request_app_rollback, **named, idempotency_key=key)
        if asked is not None and known:
            assert asked.id == known[0].id
        elif asked is not None:
            self.orders.append(Order(asked.id, goals, point=point.id, key=key))

    def undo(self, one: int, _other: int) -> None:
        """Somebody wants undone what an app's rollback has done; what it had not done stays undone."""
        order = self._order(one)
        if order is None:
            return
        known = next((other for other in self.orders if other.undoes is order), None)
        legal = known is not None or (order.state != "at_work" and self._under_way() in (None, order))
        goals = {owner: went.from_revision for owner, went in order.done.items() if went.moved}
        named = {"app_id": self.app.id, "app_rollback_id": order.id}
        if legal and known is None:
            reasons, told = apps.preview_app_undo(**named, at=timezone.now())
            assert not reasons
            self._is_foreseen(told, goals)
        key = uuid4()
        asked = self._does(legal, apps.undo_app_rollback, **named, idempotency_key=key)
        if asked is not None and known is not None:
            assert asked.id == known.id
        elif asked is not None:
            order.state = "stopped" if order.state == "paused" else order.state
            self.orders.append(Order(asked.id, goals, undoes=order, key=key))

    def pause(self, one: int, _other: int) -> None:
        """Nobody is taken any more."""
        self._steered(one, apps.pause_app_rollback, "paused", from_states=UNDER_WAY)

    def resume(self, one: int, _other: int) -> None:
        """It goes on."""
        self._steered(one, apps.resume_app_rollback, "at_work", from_states=UNDER_WAY)

    def retry(self, one: int, _other: int) -> None:
        """Who failed is tried again: unless it was undone meanwhile, or another way leads somewhere else now."""
        order = self._order(one)
        if order is None:
            return
        undone = any(other.undoes is order for other in self.orders)
        legal = bool(order.failed) and not undone and self._under_way() in (None, order)
        if self._does(legal, apps.retry_app_rollback, **self._named(order)) is not None:
            order.state = "at_work"
            order.failed.clear()

    def put_on(self, one: int, _other: int) -> None:
        """Everybody may write again, once nobody is being taken back."""
        order = self._order(one)
        if order is None:
            return
        legal = all(other.state != "at_work" for other in self.orders)
        if self._does(legal, apps.put_owners_on_again, **self._named(order)) is not None:
            self.off.clear()

    # --- the worker -------------------------------------------------------------------------------------------------

    def work(self, one: int, _other: int) -> None:
        """A worker takes some owners."""
        for _ in range(1 + one % 4):
            apps.roll_back_some_owners(holder=self.worker.number, clock=timezone.now)
            self._see()

    def die(self, one: int, _other: int) -> None:
        """One owner's share has taken so many workers down that nobody tries it any more."""
        order = self._under_way()
        if order is None:
            return
        waiting = Rollback.objects.filter(app_rollback_id=order.id, state="requested").order_by("id")
        for share in waiting[one % 3 :][:1]:
            Rollback.objects.filter(id=share.id).update(attempts=setting("ROLLBACK_ATTEMPTS"))
            order.doomed.add(share.owner_id)

    def _see(self) -> None:
        """Follow what the worker did, owner by owner."""
        order = self._under_way()
        if order is None or order.state != "at_work":
            return
        for share in Rollback.objects.filter(app_rollback_id=order.id).exclude(state="requested"):
            if share.owner_id in order.done or share.owner_id in order.failed:
                continue
            assert (share.state == "failed") == (share.owner_id in order.doomed)
            if share.state == "failed":
                order.doomed.discard(share.owner_id)
                order.failed.add(share.owner_id)
            else:
                went = self.said[share.owner_id].go(order.goals[share.owner_id], share.id)
                self._is_done(share, went)
                order.done[share.owner_id] = went
        if AppRollback.objects.get(id=order.id).state == "done":
            assert order.goals.keys() == order.done.keys() | order.failed
            order.state = "done"

    # --- one owner's own ways ---------------------------------------------------------------------------------------

    def undo_one(self, one: int, other: int) -> None:
        """One owner's way back is undone, whoever asked for it: once, and mostly when somebody has written since."""
        if not self.ways:
            return
        way = list(self.ways.values())[-1 - one % len(self.ways)]
        if other < 8:
            self.write([owner.id for owner in self.owners].index(way.owner), other)
        asked = self._asks(rolling_back.undo, way.owner, rollback_id=way.id)
        if asked.id in self.ways:
            return
        if asked.app_rollback_id is not None:
            [order] = [order for order in self.orders if order.id == asked.app_rollback_id]
            assert order.state in UNDER_WAY or way.owner in order.failed, "it is or can be undone with the others"
            return
        self._execute(asked)
        said = self.said[way.owner]
        if way.run is None:
            self._is_done(asked, said.go(way.went.from_revision, asked.id))
        else:
            self._is_done(asked, said.undo_run(way.went, way.id, asked.id), run=way.run)

    def leave_run(self, one: int, _other: int) -> None:
        """What one run brought goes, where nobody wrote since: once, and again only by undoing."""
        if not self.runs:
            return
        owner, run = self.runs[one % len(self.runs)]
        known = self.left.get(run)
        undone = known is not None and Rollback.objects.filter(undoes_id=known.id).exists()
        if undone:
            with pytest.raises(CannotRollBack):
                self._asks(rolling_back.request_run_rollback, owner, run_id=run)
            return
        foreseen = rolling_back.preview_run(owner_id=owner, run_id=run, at=timezone.now())[1]
        asked = self._asks(rolling_back.request_run_rollback, owner, run_id=run)
        if known is not None:
            assert asked.id == known.id
            return
        self._execute(asked)
        went = self.said[owner].leave_run(run, asked.id)
        assert (foreseen.reverted, foreseen.deleted, foreseen.kept_count) == (len(went.moved), went.deleted, went.kept)
        self._is_done(asked, went, run=run)
        self.left[run] = self.ways[asked.id]

    def _asks(self, verb: Any, owner: UUID, **what: UUID) -> Rollback:
        asked: Rollback = verb(owner_id=owner, **what, idempotency_key=uuid4(), actor="test", at=timezone.now())
        return asked

    def _execute(self, asked: Rollback) -> None:
        execute_rollback(asked.id, at=timezone.now())
        assert execute_rollback(asked.id, at=timezone.now()) is None, "twice is once"
        asked.refresh_from_db()

    def _is_done(self, row: Rollback, went: Went, *, run: UUID | None = None) -> None:
        told = (row.state, row.from_revision, row.reverted, row.deleted, row.journaled, row.kept)
        assert told == ("done", went.from_revision, len(went.moved), went.deleted, went.journaled, went.kept)
        self.ways[row.id] = Way(row.id, row.owner_id, went, run)
        self.off.add(row.owner_id)

    # --- always -----------------------------------------------------------------------------------------------------

    @invariant()
    def is_whole(self) -> None:
        """Every owner holds what the model says, and every rollback of the app is in the state it says."""
        if not hasattr(self, "writes"):
            return
        for owner in self.owners:
            held = {key: value for key, value in values_of(owner).items() if value is not None}
            assert held == self.said[owner.id].live()
        rows = dict(Owner.objects.filter(app=self.app).values_list("id", "revision"))
        assert rows == {owner: said.revision for owner, said in self.said.items()}
        off = Owner.objects.filter(app=self.app, switched_off=True).values_list("id", flat=True)
        assert set(off) == self.off
        states = dict(AppRollback.objects.filter(app=self.app).values_list("id", "state"))
        assert states == {order.id: order.state for order in self.orders}
        assert sum(order.state in UNDER_WAY for order in self.orders) <= 1

    def teardown(self) -> None:
        """What is under way comes to its end; all that was ever said stands in history or was set aside."""
        if not hasattr(self, "writes"):
            return
        order = self._under_way()
        if order is not None:
            self.resume(len(self.orders) - 1 - self.orders.index(order), 0)
            for _ in range(2 * len(self.owners) + 4):
                self.work(0, 0)
            assert order.state == "done"
        self.is_whole()
        for owner in self.owners:
            said = self.said[owner.id]
            for revision in said.past:
                then = rebuilt(owner, revision)
                assert {key: value for key, value in then.items() if value is not None} == said.live(revision)
            assert sorted(_set_aside(owner)) == sorted(map(str, said.lost))

    def _steered(self, one: int, verb: Any, state: str, *, from_states: tuple[str, ...]) -> None:
        order = self._order(one)
        if order is None:
            return
        if self._does(order.state in from_states, verb, **self._named(order)) is not None:
            order.state = state

    def _does(self, legal: bool, verb: Any, **named: Any) -> AppRollback | None:
        """Do it twice if it is legal: once is the same; else it is refused. Nothing, where it was refused."""
        given = {"actor": "test", "at": timezone.now(), **named}
        if not legal:
            with pytest.raises(MigrationError):
                verb(**given)
            return None
        done: AppRollback = verb(**given)
        if verb is not apps.retry_app_rollback:
            assert verb(**given).id == done.id
        return done

    def _is_foreseen(self, told: Any, goals: dict[UUID, int]) -> None:
        found = [self.said[owner].copy().go(revision, uuid4()) for owner, revision in goals.items()]
        sums = (sum(len(went.moved) for went in found), sum(w.deleted for w in found), sum(w.journaled for w in found))
        assert (told.reverted, told.deleted, told.journaled) == sums
        assert told.census.owners == len(goals)

    def _owner(self, one: int) -> Owner:
        return self.owners[one % len(self.owners)]

    def _order(self, one: int) -> Order | None:
        return self.orders[-1 - one % min(3, len(self.orders))] if self.orders else None

    def _under_way(self) -> Order | None:
        return next((order for order in self.orders if order.state in UNDER_WAY), None)

    def _named(self, order: Order) -> dict[str, Any]:
        return {"app_id": self.app.id, "app_rollback_id": order.id}


def _set_aside(owner: Owner) -> list[str]:
    rows = Conflict.objects.filter(owner_id=owner.id, policy="ROLLBACK")
    return [str((row.key_json.strip('"'), value_of(row.loser_form, row.loser_value))) for row in rows]


def _run(monkeypatch: pytest.MonkeyPatch, **limits: int) -> None:
    monkeypatch.setattr(apps, "TAKEN_AT_ONCE", 1)
    monkeypatch.setattr(apps, "LISTED_AT_ONCE", 2)
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
    run_state_machine_as_test(
        GoingBack, settings=settings(deadline=None, suppress_health_check=list(HealthCheck), **limits)
    )


@pytest.mark.timeout(240)
def test_ways_back_follow_the_model(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    _run(monkeypatch, max_examples=18, stateful_step_count=5, derandomize=True)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_ways_back_follow_the_model_at_length(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    _run(monkeypatch, max_examples=1_000, stateful_step_count=10)
