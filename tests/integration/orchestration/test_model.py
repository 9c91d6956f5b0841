"""Operators, the sweeper and devices at one app in any order: plans, panics and ways back do what was agreed, whole.

The model is written from the design: what a plan may do and when, whose release it needs, what a rollback leaves. Which
gate says what is not modelled; that nobody goes past one without saying so is.
"""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from migration.cutover import Standing
from migration.errors import GatesClosed, MigrationError, WrongState
from migration.models import App, AuditLine, CutoverPlan, Owner, Rollback, StageChange
from migration.orchestration import cutting_over, planning, rolling_back
from migration.orchestration.cutting_over import Why
from migration.orchestration.reverting import execute_rollback
from migration.rollback import create_point
from migration.states import Stage
from tests.factories.held import values_of
from tests.factories.loads import make_owner
from tests.factories.sites import BY, MINUTE, QUICK, Site
from tests.factories.writes import write

ROAD = list(Stage)
ACTS = ["later", "later", "later", "worse", "change", "plan", "steer", "steer", "record", "go_back", "undo", "put_on"]
NUMBERS = st.integers(0, 7)
VERBS = ["advance", "step_back", "set_percentage", "complete", "panic", "release_panic", "release_panic"]
SHARES = [0, 100, 2_500, 10_000]
SAYINGS = ["pause", "release", "pause", "resume", "release", "drop"]
RELEASED = [Stage.SERVER_PRIMARY, Stage.COMPLETE, Stage.SERVER_PRIMARY, Stage.RAMP]
STEPS = [(Stage.SHADOW, 0), *((Stage.RAMP, step.percentage) for step in QUICK.steps)]
LAST = {Stage.SERVER_PRIMARY, Stage.COMPLETE}


class Operating(RuleBasedStateMachine):
    """One app with four devices that tell, one owner with records, and a clock that only this moves."""

    @initialize(stage=st.sampled_from(ROAD[1:5]))
    def begin(self, stage: Stage) -> None:
        self.site = Site(plan=None, stage=stage)
        share = {Stage.RAMP: 100, Stage.SERVER_PRIMARY: 10_000}.get(stage, 0)
        self.site.row.percentage = share
        self.site.row.save()
        self.owner: Owner = make_owner(self.site.app)
        self.planned, self.paused, self.released, self.panic = False, False, "", False
        self.said = 0
        self.values: dict[str, str] = {}
        self.past: dict[int, dict[str, str]] = {0: {}}
        self.points: list[tuple[Any, int]] = []
        self.ways: list[Rollback] = []
        self.off, self.writes, self.looked = False, 0, -1
        self.site.tell()
        self.plan(0, 0)
        self.record(0, 0)

    @rule(
        acts=st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=10)
    )
    def some(self, acts: list[tuple[str, int, int]]) -> None:
        """Things happen one after the other. Chosen here: rules of their own would mostly repeat themselves."""
        for act, one, other in acts:
            getattr(self, act)(one, other)
            self.is_whole()

    # --- an operator and the stages -----------------------------------------------------------------------------

    def change(self, one: int, other: int) -> None:
        """Somebody moves the stage by hand: forward past gates only by saying so."""
        verb, share, force = VERBS[one % len(VERBS)], SHARES[other % len(SHARES)], other >= len(SHARES)
        before = self._standing()
        given = {"percentage": share} if verb == "set_percentage" else {}
        why = Why("operator:ada", reason="by hand", force=force)
        try:
            change = getattr(cutting_over, verb)(app_id=self.site.app.id, why=why, at=self.site.now, **given)
        except MigrationError as refused:
            assert self._standing() == before
            assert not (force and isinstance(refused, GatesClosed)), "whoever says so goes on"  # noqa: PT017 - any may come
            return
        self.said += 1
        self.panic = {"panic": True, "release_panic": False}.get(verb, self.panic)
        if self._ahead(before):
            shut = [gate for gate in change.figures["gates"] if not gate["passed"]]
            assert change.figures["forced"] == bool(shut)
            assert force or not shut

    # --- an operator and the plan -------------------------------------------------------------------------------

    def plan(self, _one: int, _other: int) -> None:
        """A plan is made, in place of the one there was."""
        planning.set_plan(app_id=self.site.app.id, plan=QUICK, at=self.site.now, **BY)
        self.planned, self.paused, self.released = True, False, ""
        self.said += 1

    def steer(self, one: int, other: int) -> None:
        """Somebody says something of the plan: legal, or refused and nothing."""
        verb, stage = SAYINGS[one % len(SAYINGS)], RELEASED[other % len(RELEASED)]
        row = CutoverPlan.objects.filter(app=self.site.app).first()
        stuck = row is not None and self._breaches(row) > 0
        legal = {
            "pause": self.planned and not self.paused,
            "resume": self.planned and (self.paused or stuck),
            "drop": self.planned,
            "release": self.planned and stage in LAST,
        }[verb]
        act = planning.release if verb == "release" else getattr(planning, f"{verb}_plan")
        given = {"stage": stage} if verb == "release" else {}
        try:
            act(app_id=self.site.app.id, at=self.site.now, **given, **BY)
        except MigrationError:
            assert not legal
            return
        assert legal
        self.said += 1
        self.paused = verb == "pause" or (self.paused and verb != "resume")
        self.planned = self.planned and verb != "drop"
        self.paused, self.released = self.planned and self.paused, str(stage) if verb == "release" else self.released

    def _breaches(self, row: CutoverPlan) -> int:
        return StageChange.objects.filter(app=self.site.app, cause="breach", at__gte=row.attended_at).count()

    # --- time goes on ---------------------------------------------------------------------------------------------

    def later(self, one: int, other: int) -> None:
        """Devices tell that all is well, and the sweeper looks, several times."""
        for _ in range(1 + one % 3):
            self._later((2, 11, 25, 90)[other % 4], bad=False)

    def worse(self, _one: int, _other: int) -> None:
        """Devices tell that much differs."""
        self._later(11, bad=True)

    def _later(self, minutes: int, *, bad: bool) -> None:
        before, changes = self._standing(), self._changes()
        since = self.site.app.stages.get().changed_at
        self.site.later(minutes * MINUTE, **({"agreed": 40} if bad else {}))
        if self._changes() == changes:
            return
        self.said += 1
        [change] = StageChange.objects.filter(app=self.site.app).order_by("-epoch")[:1]
        after = self._standing()
        assert change.reason
        assert not self.panic, "nothing is done by itself in a panic"
        if change.cause == "breach":
            assert before.stage in (Stage.RAMP, Stage.SERVER_PRIMARY)
            assert self._place(after) < self._place(before)
            self.released = ""
            return
        assert (change.cause, self.planned, self.paused) == ("plan", True, False)
        assert self.site.now - since >= timedelta(minutes=10), "it was held long enough"
        assert all(gate["passed"] for gate in change.figures["gates"])
        if after.stage in LAST:
            assert self.released == after.stage, "an operator released it"
            assert ROAD.index(after.stage) == ROAD.index(before.stage) + 1
        else:
            assert self._place(after) == min(step for step in map(self._step, STEPS) if step > self._place(before))

    # --- records and ways back -----------------------------------------------------------------------------------

    def record(self, one: int, other: int) -> None:
        """A device writes, and somebody may name where the owner stands then."""
        key, named = "abc"[one % 3], other % 2 == 0
        self.writes += 1
        revision = write(self.owner, key, f"v{self.writes}", seq=self.writes, device_id=uuid4())
        self.values = {**self.values, key: f"v{self.writes}"}
        self.past[revision] = self.values
        if named:
            made = create_point(owner_id=self.owner.id, name="here", actor="test", at=self.site.now)
            self.points.append((made.id, made.revision))

    def go_back(self, one: int, other: int) -> None:
        """The owner goes to a point: what the preview said, and off under a new epoch."""
        self.record(other, 1)
        point, revision = self.points[one % len(self.points)]
        named = {"owner_id": self.owner.id, "point_id": point, "at": self.site.now}
        _, foreseen = rolling_back.preview_point(**named)
        asked = rolling_back.request_point_rollback(**named, idempotency_key=uuid4(), actor="test")
        self._done(asked, to=revision)
        assert (asked.reverted, asked.deleted, asked.journaled) == (
            *(foreseen.reverted, foreseen.deleted),
            foreseen.journaled,
        )

    def undo(self, one: int, other: int) -> None:
        """A way back is undone: once, to where the owner stood before it."""
        if not self.ways:
            return
        self.record(other, 1)
        undone = self.ways[-1 - one % len(self.ways)]
        named = {"owner_id": self.owner.id, "rollback_id": undone.id, "idempotency_key": uuid4()}
        asked = rolling_back.undo(**named, actor="test", at=self.site.now)
        if asked.id not in {one.id for one in self.ways}:
            self._done(asked, to=undone.from_revision or 0)

    def put_on(self, _one: int, _other: int) -> None:
        """An operator puts the owner on again, and it is on."""
        if not self.off:
            return
        named = {"owner_id": self.owner.id, "actor": "test", "at": self.site.now}
        rolling_back.put_owner_on(**named)
        with pytest.raises(WrongState):
            rolling_back.put_owner_on(**named)
        self.off = False

    def _done(self, asked: Rollback, *, to: int) -> None:
        execute_rollback(asked.id, at=self.site.now)
        asked.refresh_from_db()
        assert asked.state == "done"
        self.values = self.past[max(revision for revision in self.past if revision <= to)]
        self.owner.refresh_from_db()
        self.past[self.owner.revision] = self.values
        self.ways.append(asked)
        self.off = True

    # --- always ---------------------------------------------------------------------------------------------------

    @invariant()
    def is_whole(self) -> None:
        """Each change is one line of history, one of audit and one epoch; the records are what the model says."""
        if not hasattr(self, "past"):
            return
        app = App.objects.get(id=self.site.app.id)
        lines = list(AuditLine.objects.filter(app_id=app.id).values_list("action", flat=True))
        stages = sum(action.startswith("stage_") for action in lines)
        assert stages == self._changes() == app.epoch - 1
        assert stages + sum(action.startswith("plan_") for action in lines) == self.said
        assert app.panic == self.panic
        plan = CutoverPlan.objects.filter(app=app).first()
        assert (plan is not None, plan is not None and plan.paused) == (self.planned, self.paused)
        assert plan is None or plan.released == self.released
        if self.looked == self.writes + len(self.ways):
            return
        self.owner.refresh_from_db()
        assert self.owner.switched_off == self.off
        assert {key: value for key, value in values_of(self.owner).items() if value is not None} == self.values
        self.looked = self.writes + len(self.ways)

    def _standing(self) -> Standing:
        return cutting_over.standing_of(App.objects.get(id=self.site.app.id), "")

    def _changes(self) -> int:
        return StageChange.objects.filter(app=self.site.app).count()

    def _place(self, standing: Standing) -> tuple[int, int]:
        return self._step((standing.stage, standing.percentage if standing.stage == Stage.RAMP else 0))

    def _step(self, step: tuple[Stage, int]) -> tuple[int, int]:
        return ROAD.index(step[0]), step[1]

    def _ahead(self, before: Standing) -> bool:
        return self._place(self._standing()) > self._place(before)


def _run(**limits: int) -> None:
    run_state_machine_as_test(
        Operating, settings=settings(deadline=None, suppress_health_check=list(HealthCheck), **limits)
    )


@pytest.mark.timeout(240)
def test_operating_follows_the_model(db: None) -> None:
    _run(max_examples=16, stateful_step_count=5, derandomize=True)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_operating_follows_the_model_at_length(transactional_db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
    _run(max_examples=1_000, stateful_step_count=10)
