"""Changes of a stage on real rows: whole or not at all, one line each, and by one asker at a time."""

import itertools
import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from migration import cutover
from migration.cutover import ROAD, WHOLE, Action, Comparison, Standing
from migration.errors import MigrationError, NotFound, StageChangeInvalid, WrongState
from migration.models import App, AuditLine, CollectionStage, CutoverPlan, StageChange
from migration.orchestration import cutting_over
from migration.orchestration.cutting_over import Why
from migration.states import Stage
from tests.factories.doors import account, at_once, make_tenant
from tests.factories.loads import at_stage, make_app
from tests.factories.ops import Writer
from tests.factories.plans import make_plan

WHY = Why(actor="anna", reason="the test says so", force=True)
VERBS: dict[Action, Callable[..., StageChange]] = {
    Action.ADVANCE: cutting_over.advance,
    Action.STEP_BACK: cutting_over.step_back,
    Action.SET_PERCENTAGE: cutting_over.set_percentage,
    Action.COMPLETE: cutting_over.complete,
    Action.PANIC: cutting_over.panic,
    Action.RELEASE_PANIC: cutting_over.release_panic,
    Action.REJOIN: cutting_over.rejoin,
}
OF_EVERYTHING = [action for action in VERBS if action != Action.REJOIN]


def do(app: App, action: Action, **given: Any) -> StageChange:
    if action == Action.SET_PERCENTAGE:
        given.setdefault("percentage", 2_500)
    return VERBS[action](app_id=app.id, why=WHY, at=timezone.now(), **given)


def standing(app: App, collection: str = "") -> Standing:
    return cutting_over.standing_of(App.objects.get(id=app.id), collection)


def counted(app: App) -> tuple[int, int, int]:
    lines = AuditLine.objects.filter(app_id=app.id, action__startswith="stage_").count()
    return App.objects.get(id=app.id).epoch, StageChange.objects.filter(app=app).count(), lines


@pytest.mark.django_db
class TestEveryStateAndAction:
    @pytest.mark.parametrize("action", OF_EVERYTHING, ids=str)
    @pytest.mark.parametrize("stage", ROAD, ids=str)
    def test_is_legal_and_whole_or_refused_and_nothing(self, stage: Stage, action: Action) -> None:
        for panic, share in itertools.product((False, True), (100, WHOLE)):
            app = make_app(panic=panic)
            at_stage(app, stage, percentage=share if stage == Stage.RAMP else 0)
            before, (epoch, changes, lines) = standing(app), counted(app)
            try:
                wanted = cutover.changed(before, action, percentage=2_500 if "percentage" in action else None)
            except MigrationError as refusal:
                with pytest.raises(type(refusal)):
                    do(app, action)
                assert (standing(app), counted(app)) == (before, (epoch, changes, lines))
                continue
            change = do(app, action)
            assert standing(app) == wanted
            assert counted(app) == (epoch + 1, changes + 1, lines + 1)
            assert (change.from_stage, change.to_stage, change.epoch) == (before.stage, wanted.stage, epoch + 1)
            assert (change.from_percentage, change.to_percentage) == (before.percentage, wanted.percentage)

    def test_says_who_and_why_in_history_and_audit(self) -> None:
        app = make_app(collections=[{"name": "notes", "patterns": ["n:*"]}])
        why = Why(actor="plan", cause="breach", reason="2 % differ", figures={"mismatch": 0.02})
        at_stage(app, "shadow", collection="notes")
        change = cutting_over.step_back(app_id=app.id, collection="notes", why=why, at=timezone.now())
        assert (change.actor, change.cause, change.reason, change.figures) == (
            *("plan", "breach", "2 % differ"),
            {"mismatch": 0.02},
        )
        line = AuditLine.objects.get(app_id=app.id, action="stage_step_back")
        assert (line.actor, line.target, line.data["collection"], line.data["to_stage"]) == (
            *("plan", str(app.id), "notes"),
            "dual_write",
        )


@pytest.mark.django_db
class TestACollection:
    @pytest.fixture
    def app(self) -> App:
        return make_app(collections=[{"name": "notes", "patterns": ["n:*"]}, {"name": "todos", "patterns": ["t:*"]}])

    def test_begins_a_row_of_its_own_where_the_rest_stands(self, app: App) -> None:
        do(app, Action.ADVANCE)
        rule = Comparison(0.5, ("/at",), "json")
        cutting_over.set_comparison(app_id=app.id, comparison=rule, why=WHY, at=timezone.now())
        do(app, Action.ADVANCE, collection="notes")
        requests = cutover.requests_of(App.objects.get(id=app.id))
        assert {name: one.stage for name, one in requests.each().items()} == {"": "shadow", "notes": "ramp"}
        assert requests.of("notes").comparison == rule
        do(app, Action.STEP_BACK)
        assert (standing(app).stage, standing(app, "todos").stage, standing(app, "notes").stage) == (
            *("dual_write", "dual_write"),
            "ramp",
        )

    def test_is_put_back_with_the_rest_and_its_plan_with_it(self, app: App) -> None:
        at_stage(app, "dual_write")
        do(app, Action.ADVANCE, collection="notes")
        make_plan(App.objects.get(id=app.id), collection="notes")
        make_plan(App.objects.get(id=app.id), collection="todos")
        before = counted(app)
        change = cutting_over.rejoin(app_id=app.id, collection="notes", why=WHY, at=timezone.now())
        assert (change.action, change.from_stage, change.to_stage) == ("rejoin", "shadow", "dual_write")
        assert counted(app) == tuple(one + 1 for one in before)
        assert list(cutover.requests_of(App.objects.get(id=app.id)).own) == []
        assert list(CutoverPlan.objects.values_list("collection", flat=True)) == ["todos"]
        assert AuditLine.objects.get(action="plan_dropped").data["collection"] == "notes"
        do(app, Action.ADVANCE)
        assert standing(app, "notes").stage == "shadow", "it goes with the rest"

    @pytest.mark.parametrize("stage", ROAD, ids=str)
    @pytest.mark.parametrize("rest", ROAD, ids=str)
    def test_is_put_back_whole_from_everywhere_or_refused_and_left(self, app: App, rest: Stage, stage: Stage) -> None:
        for panic, share in itertools.product((False, True), (100, WHOLE)):
            App.objects.filter(id=app.id).update(panic=panic)
            at_stage(app, rest, percentage=500 if rest == Stage.RAMP else 0)
            at_stage(app, stage, percentage=share if stage == Stage.RAMP else 0, collection="notes")
            before, (epoch, changes, lines) = standing(app, "notes"), counted(app)
            ahead = (ROAD.index(rest), standing(app).percentage) > (ROAD.index(stage), before.percentage)
            if ahead or (stage == Stage.COMPLETE and rest != Stage.COMPLETE):
                with pytest.raises(WrongState):
                    do(app, Action.REJOIN, collection="notes")
                assert (standing(app, "notes"), counted(app)) == (before, (epoch, changes, lines))
                continue
            do(app, Action.REJOIN, collection="notes")
            assert standing(app, "notes") == standing(app)
            assert counted(app) == (epoch + 1, changes + 1, lines + 1)

    def test_that_goes_with_the_rest_is_not_put_back(self, app: App) -> None:
        for name in ("notes", ""):
            with pytest.raises(WrongState, match="goes with the rest"):
                do(app, Action.REJOIN, collection=name)

    def test_nobody_knows_of_is_refused(self, app: App) -> None:
        for name in ("nots", "n:*", "\x00"):
            with pytest.raises(NotFound):
                do(app, Action.ADVANCE, collection=name)
        with pytest.raises(NotFound):
            do(App(id=uuid4()), Action.ADVANCE)
        assert not CollectionStage.objects.exists()

    def test_of_what_is_declared_nowhere_has_a_name_too(self, app: App) -> None:
        do(app, Action.ADVANCE, collection="default")
        assert (standing(app, "default").stage, standing(app).stage) == ("shadow", "dual_write")

    @pytest.mark.parametrize(
        "rule",
        [
            Comparison(rate=-0.1),
            Comparison(rate=1.1),
            Comparison(ignore=("at",)),
            Comparison(comparator="fuzzy"),
            Comparison(ignore=("/" + "a" * 512,)),
            Comparison(rate=float("nan")),
        ],
    )
    def test_is_compared_as_was_said_or_the_saying_is_refused(self, app: App, rule: Comparison) -> None:
        with pytest.raises(StageChangeInvalid):
            cutting_over.set_comparison(app_id=app.id, comparison=rule, why=WHY, at=timezone.now())
        assert counted(app) == (1, 0, 0)


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_two_who_saw_the_same_stage_advance_it_once(self) -> None:
        app = make_app()
        seen = standing(app)

        def ask(_number: int) -> str:
            try:
                return do(app, Action.ADVANCE, seen=seen).to_stage
            except WrongState as refused:
                return f"no, it is {refused.extras['state']}"

        assert sorted(at_once(4, ask)) == ["no, it is shadow"] * 3 + ["shadow"]
        assert (standing(app).stage, counted(app)) == ("shadow", (2, 1, 1))

    def test_changes_of_many_collections_each_take_an_epoch(self) -> None:
        names = [f"c{number}" for number in range(6)]
        app = make_app(collections=[{"name": name, "patterns": [f"{name}:*"]} for name in names])
        at_once(6, lambda number: do(app, Action.ADVANCE, collection=names[number]))
        assert sorted(StageChange.objects.values_list("epoch", flat=True)) == [2, 3, 4, 5, 6, 7]
        assert counted(app) == (7, 6, 6)


def left(change: StageChange) -> list[str]:
    assert change.older is not None
    return list(change.older["transactions"])


@pytest.mark.django_db(transaction=True)
class TestWhenItHolds:
    def test_is_once_the_transactions_before_it_have_ended(self) -> None:
        app, other = make_app(), make_app()
        at_stage(app, "shadow")
        started, ends = threading.Event(), threading.Event()

        def writes(number: int) -> StageChange | None:
            if number == 0:
                with transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute("SELECT epoch FROM migration_app WHERE id = %s", [app.id])  # it has no id yet
                    started.set()
                    assert ends.wait(30)
                    App.objects.filter(id=other.id).update(name="written under the older epoch")
                return None
            assert started.wait(30)
            try:
                change = do(app, Action.STEP_BACK)
                assert change.effective_at is None
                assert left(change)
                later = do(app, Action.ADVANCE)
                cutover.settle_all(at=timezone.now())
                assert StageChange.objects.filter(effective_at=None).count() == 2, f"{later} is younger, too"
                return change
            finally:
                ends.set()

        _, change = at_once(2, writes)
        assert change is not None
        cutover.settle_all(at=timezone.now())
        change.refresh_from_db()
        assert (change.effective_at is not None, left(change)) == (True, [])

    def test_is_at_once_where_nobody_is_at_work(self) -> None:
        app = make_app()
        assert do(app, Action.ADVANCE).effective_at is not None

    def test_is_not_held_up_by_transactions_from_before_a_restart(self) -> None:
        app = make_app()
        change = do(app, Action.ADVANCE)
        waiting = {"started": "2026-01-01 00:00:00+00", "transactions": ["3/14"]}
        StageChange.objects.filter(id=change.id).update(effective_at=None, older=waiting)
        cutover.settle_all(at=timezone.now())
        assert StageChange.objects.get().effective_at is not None


@pytest.mark.django_db
class TestAWriteUnderTheStageBefore:
    def test_is_answered_with_the_configuration_of_now_and_loses_nothing(self) -> None:
        tenant = make_tenant()
        writer = Writer(account(tenant))
        writer.write("k", "v")
        writer.browser.extra["Migration-Epoch"] = writer.browser.get("/config").json()["epoch"]
        op = writer.op("k", "w", base=1)
        do(tenant.app, Action.STEP_BACK)
        stale = writer.send(op).json()
        assert (stale["code"], stale["config"]["stage"], stale["config"]["epoch"]) == ("stale_epoch", "off", "2.1")
        do(tenant.app, Action.ADVANCE)
        writer.browser.extra["Migration-Epoch"] = "3.1"
        assert writer.send(op).json()["outcomes"][0]["outcome"] == "accepted"
