"""Plans carried out by the sweeper, on figures browsers told through the API, at given times."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from migration.cutover.plans import Plan, Step, plan_for
from migration.errors import NotFound, WrongState
from migration.models import (
    App,
    AuditLine,
    CollectionStage,
    CutoverPlan,
    GateReading,
    StageChange,
)
from migration.orchestration import cutting_over, planning
from migration.orchestration.cutting_over import Why
from migration.orchestration.planning import look, views_of
from migration.orchestration.sweeping import sweep
from migration.states import Stage
from tests.factories.sites import BY, HOUR, MINUTE, NOON, Site

pytestmark = pytest.mark.django_db


@pytest.fixture
def site() -> Site:
    return Site()


class TestAPlan:
    def test_goes_all_the_way_while_gates_hold_and_waits_to_be_released(self, site: Site) -> None:
        for _ in range(6):
            site.later()
        assert site.stage == ("ramp", 10_000)
        ramp = [("plan", "ramp", share) for share in (100, 2_500, 10_000)]
        assert site.history == [("plan", "shadow", 0), *ramp]
        assert site.plan.decision == "await_release"
        planning.release(app_id=site.app.id, stage=Stage.SERVER_PRIMARY, at=site.now, **BY)
        site.later()
        assert site.stage == ("server_primary", 10_000)
        site.later()
        assert site.plan.decision == "await_release", "released once is not released for ever"
        planning.release(app_id=site.app.id, stage=Stage.COMPLETE, at=site.now, **BY)
        site.later()
        assert site.stage == ("complete", 10_000)

    def test_says_with_each_change_why_and_on_what_figures(self, site: Site) -> None:
        site.later()
        change = StageChange.objects.get(app=site.app)
        assert (change.actor, change.cause, change.action) == ("sweeper", "plan", "advance")
        assert change.reason == "Gates hold and it was held long enough."
        assert {gate["name"] for gate in change.figures["gates"]} == {"receipts", "outbox", "diff", "rollback"}
        assert AuditLine.objects.filter(app_id=site.app.id, action="stage_advance", actor="sweeper").count() == 1

    def test_holds_each_stage_as_long_as_it_says(self, site: Site) -> None:
        site.later(9 * MINUTE)
        assert site.stage == ("dual_write", 0)
        assert site.plan.until == NOON + 10 * MINUTE
        site.later(2 * MINUTE)
        assert site.stage == ("shadow", 0)

    def test_waits_where_a_gate_is_shut_and_leaves_no_history(self, site: Site) -> None:
        site.later()
        for _ in range(4):
            site.later(agreed=99)
        assert site.stage == ("shadow", 0)
        assert len(site.history) == 1
        assert (site.plan.decision, "mismatches: 1 % of" in site.plan.reason) == ("wait", True)

    def test_needs_what_was_told_since_the_stage_began(self) -> None:
        site = Site()
        site.later(agreed=0)
        site.later()
        assert site.stage == ("ramp", 100), "what differed before the shadow began is no mismatch of the shadow"

    def test_that_is_paused_waits_until_it_is_resumed(self, site: Site) -> None:
        planning.pause_plan(app_id=site.app.id, at=NOON, **BY)
        with pytest.raises(WrongState):
            planning.pause_plan(app_id=site.app.id, at=NOON, **BY)
        site.later()
        assert (site.stage, site.plan.reason) == (("dual_write", 0), "The plan is paused.")
        planning.resume_plan(app_id=site.app.id, at=site.now, **BY)
        site.later()
        assert site.stage == ("shadow", 0)
        audited = AuditLine.objects.filter(app_id=site.app.id, action__startswith="plan_").order_by("id")
        assert [one.action for one in audited] == ["plan_set", "plan_paused", "plan_resumed"]

    def test_of_a_percentage_ends_there(self) -> None:
        site = Site(plan=Plan((Step(3_000, 0),), 0))
        for _ in range(4):
            site.later()
        assert (site.stage, site.plan.reason) == (("ramp", 3_000), "The plan ends at 30 %.")
        assert plan_for(gradual=False, percentage=30).steps[0].percentage == 3_000

    def test_waits_in_a_panic(self, site: Site) -> None:
        site.later()
        cutting_over.panic(app_id=site.app.id, why=Why("operator:ada"), at=site.now)
        site.later()
        assert (site.stage, site.plan.reason) == (("shadow", 0), "There is a panic: everybody reads the browser.")

    def test_yields_to_a_person_who_was_faster(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        def step_in(_: Any) -> list[str]:
            cutting_over.step_back(app_id=site.app.id, why=Why("operator:ada"), at=site.now)
            return []

        monkeypatch.setattr("migration.orchestration.hooks.are_set", lambda: True)
        monkeypatch.setattr("migration.orchestration.hooks.vetoes", step_in)
        site.later()
        assert site.stage == ("off", 0)
        assert site.plan.reason == "Somebody else has changed the stage meanwhile."

    def test_that_a_hook_vetoes_waits_and_says_so(self, site: Site, settings: Any) -> None:
        settings.MIGRATION = {**settings.MIGRATION, "ADVANCE_HOOK": "tests.unit.orchestration.test_hooks.refuse_all"}
        site.later()
        assert site.stage == ("dual_write", 0)
        assert site.plan.reason == "The hook says no: Not shadow on a Friday."

    def test_of_an_operator_is_vetoed_too_but_never_a_step_back(self, site: Site, settings: Any) -> None:
        settings.MIGRATION = {**settings.MIGRATION, "ADVANCE_HOOK": "tests.unit.orchestration.test_hooks.refuse_all"}
        with pytest.raises(WrongState, match="Not shadow on a Friday"):
            cutting_over.advance(app_id=site.app.id, why=Why("operator:ada", force=True), at=NOON)
        assert site.history == []
        CollectionStage.objects.filter(app=site.app).update(stage="ramp", percentage=2_500)
        cutting_over.set_percentage(app_id=site.app.id, percentage=100, why=Why("operator:ada"), at=NOON)
        with pytest.raises(WrongState, match="Not ramp on a Friday"):
            cutting_over.set_percentage(
                app_id=site.app.id, percentage=200, why=Why("operator:ada", force=True), at=NOON
            )
        cutting_over.step_back(app_id=site.app.id, why=Why("operator:ada"), at=NOON)
        assert site.stage == ("shadow", 0)

    def test_of_nobody_is_not_found(self, site: Site) -> None:
        for verb in (planning.pause_plan, planning.resume_plan, planning.drop_plan):
            with pytest.raises(NotFound):
                verb(app_id=site.app.id, collection="notes", actor="test", at=NOON)

    def test_lets_only_the_last_two_stages_be_released(self, site: Site) -> None:
        with pytest.raises(WrongState):
            planning.release(app_id=site.app.id, stage=Stage.RAMP, at=NOON, **BY)


class TestABreach:
    def ramped(self, **more: Any) -> Site:
        site = Site(**more)
        CollectionStage.objects.filter(app=site.app).update(stage="ramp", percentage=2_500)
        return site

    def test_steps_back_by_itself_and_says_why(self) -> None:
        site = self.ramped()
        site.later(agreed=50)
        assert site.stage == ("ramp", 100)
        (change,) = StageChange.objects.filter(app=site.app)
        assert (change.cause, change.actor) == ("breach", "sweeper")
        assert change.reason.startswith("50 % of 400 comparisons differ")
        assert change.figures["lately"]["compared"] == 400

    def test_is_one_of_errors_or_latency_too(self) -> None:
        for column in ({"errors": 50}, {"ms": [60_000.0]}):
            site = self.ramped()
            site.later(**column)
            assert site.stage == ("ramp", 100), column

    def test_steps_back_without_a_plan(self) -> None:
        site = self.ramped(plan=None)
        site.later(agreed=50)
        assert site.stage == ("ramp", 500), "the standard steps are gone back"

    def test_needs_enough_samples_and_more_than_one_device(self) -> None:
        site = self.ramped(devices=5)
        few = site.devices
        site.devices = few[:1]
        site.later(agreed=0, compared=40)
        assert site.stage == ("ramp", 2_500)
        site.devices = few
        site.later()
        assert site.stage != ("ramp", 100)

    def test_of_old_does_not_step_back_twice(self) -> None:
        site = self.ramped()
        site.later(agreed=50)
        site.later(2 * MINUTE)
        assert site.stage == ("ramp", 100)

    def test_makes_the_plan_hold_longer_and_at_last_wait_for_a_person(self) -> None:
        site = self.ramped()
        site.later(agreed=50)
        site.later(11 * MINUTE)
        assert site.stage == ("ramp", 100)
        assert "longer after a step back" in site.plan.reason
        site.later(10 * MINUTE)
        assert site.stage == ("ramp", 2_500)
        for _ in range(2):
            CollectionStage.objects.filter(app=site.app).update(stage="ramp", percentage=2_500)
            site.later(HOUR, agreed=50)
        site.later(24 * HOUR)
        assert "a person has to look" in site.plan.reason
        planning.resume_plan(app_id=site.app.id, at=site.now, **BY)
        site.later(11 * MINUTE)
        assert site.stage == ("ramp", 2_500)

    def test_takes_back_what_was_released(self) -> None:
        site = self.ramped()
        planning.release(app_id=site.app.id, stage=Stage.SERVER_PRIMARY, at=NOON, **BY)
        site.later(agreed=50)
        assert site.plan.released == ""


class TestLooking:
    def test_is_done_once_in_a_while_by_one(self, site: Site) -> None:
        site.tell()
        assert (look(at=NOON + HOUR), look(at=NOON + HOUR), look(at=NOON + HOUR + MINUTE)) == (1, 0, 1)

    def test_leaves_readings_for_plots_which_are_forgotten(self, site: Site) -> None:
        site.later()
        (reading,) = GateReading.objects.filter(app_id=site.app.id, name="receipts")
        assert (reading.figure, reading.limit, reading.passed, reading.stage) == (1.0, 0.8, True, "dual_write")
        look(at=NOON + timedelta(days=10))
        assert not GateReading.objects.filter(at__lt=NOON + timedelta(days=9)).exists()

    def test_shows_the_same_without_changing_anything(self, site: Site) -> None:
        site.now += HOUR
        site.tell()
        (view,) = views_of(app=site.app, at=site.now)
        assert type(view.decision).__name__ == "Advance"
        assert site.stage == ("dual_write", 0)
        assert not GateReading.objects.exists()

    def test_asks_no_more_questions_for_more_devices(self, django_assert_max_num_queries: Callable[[int], Any]) -> None:
        site = Site(devices=12)
        site.tell()
        with django_assert_max_num_queries(12):
            views_of(app=site.app, at=NOON + HOUR)

    def test_is_part_of_every_sweep(self, site: Site) -> None:
        site.now += HOUR
        site.tell()
        sweep(at=site.now)
        assert site.stage == ("shadow", 0)

    def test_of_an_app_whose_plan_is_broken_does_not_keep_others_from_theirs(self, site: Site) -> None:
        CutoverPlan.objects.filter(app=Site().app).update(terms={"steps": []})
        site.later()
        assert site.stage == ("shadow", 0)

    def test_passes_apps_over_that_are_switched_off(self, site: Site) -> None:
        App.objects.filter(id=site.app.id).update(is_active=False)
        assert look(at=NOON + HOUR) == 0
