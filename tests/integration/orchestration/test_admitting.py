"""A person's advance is held to the gates a plan waits for: refused with reasons and figures, or forced and said so."""

from typing import Any

import pytest

from migration.errors import GatesClosed
from migration.models import AuditLine, CollectionStage, StageChange
from migration.orchestration import cutting_over
from migration.orchestration.cutting_over import Why
from migration.states import Stage
from tests.factories.sites import MINUTE, Site

pytestmark = pytest.mark.django_db
ADA = Why("operator:ada")
ANYWAY = Why("operator:ada", reason="the beta ends tonight", force=True)
NOTES = [{"name": "notes", "patterns": ["n:*"]}]


@pytest.fixture
def site() -> Site:
    return Site(plan=None, collections=NOTES)


def named(site: Site, **more: Any) -> dict[str, Any]:
    return {"app_id": site.app.id, "why": ADA, "at": site.now, **more}


def tell(site: Site, **columns: Any) -> None:
    site.now += 15 * MINUTE
    site.tell(**columns)
    site.fold()


class TestAnAdvance:
    def test_is_refused_with_each_gate_that_does_not_hold_its_figure_and_its_reason(self, site: Site) -> None:
        with pytest.raises(GatesClosed) as refused:
            cutting_over.advance(**named(site))
        told = {one["name"]: one for one in refused.value.extras["gates"]}
        assert set(told) == {"outbox", "rollback"}
        assert told["outbox"]["figure"] is None
        assert "No device told how its outbox is." in refused.value.detail
        assert (refused.value.code, site.stage, StageChange.objects.count()) == ("gates_closed", ("dual_write", 0), 0)

    def test_is_made_where_they_hold_and_keeps_what_they_said(self, site: Site) -> None:
        tell(site)
        change = cutting_over.advance(**named(site))
        assert site.stage == ("shadow", 0)
        assert {one["name"]: one["passed"] for one in change.figures["gates"]} == {
            "receipts": True,
            "outbox": True,
            "diff": True,
            "rollback": True,
        }
        assert change.figures["forced"] is False
        assert "forced_against" not in AuditLine.objects.get(action="stage_advance").data

    def test_that_is_forced_says_in_history_and_audit_what_it_went_against(self, site: Site) -> None:
        tell(site)
        CollectionStage.objects.filter(app=site.app).update(stage="shadow", changed_at=site.now)
        change = cutting_over.advance(**named(site, why=ANYWAY))
        assert (site.stage, change.figures["forced"], change.reason) == (("ramp", 100), True, ANYWAY.reason)
        assert AuditLine.objects.get(action="stage_advance").data["forced_against"] == [
            *("samples", "mismatches"),
            *("errors", "latency"),
        ]

    def test_that_is_forced_although_all_holds_is_none_that_was_forced(self, site: Site) -> None:
        tell(site)
        assert cutting_over.advance(**named(site, why=ANYWAY)).figures["forced"] is False

    @pytest.mark.parametrize(
        ("stage", "share", "act", "given"),
        [
            ("shadow", 0, cutting_over.advance, {}),
            ("ramp", 500, cutting_over.set_percentage, {"percentage": 501}),
            ("ramp", 10_000, cutting_over.advance, {}),
            ("server_primary", 10_000, cutting_over.complete, {}),
        ],
    )
    def test_of_each_kind_is_held_to_its_stage_s_gates(
        self, site: Site, stage: str, share: int, act: Any, given: dict[str, Any]
    ) -> None:
        tell(site)
        CollectionStage.objects.filter(app=site.app).update(stage=stage, percentage=share)
        site.tell(compared=500, agreed=250)
        site.devices[0].runs.update(state="rolled_back")
        site.fold()
        with pytest.raises(GatesClosed):
            act(**named(site, **given))
        assert site.stage == (stage, share)
        act(**named(site, why=ANYWAY, **given))
        assert site.stage != (stage, share)

    def test_of_a_collection_that_goes_with_the_rest_is_judged_by_the_rest_s_figures(self, site: Site) -> None:
        CollectionStage.objects.filter(app=site.app).update(stage="shadow")
        tell(site)
        site.app.limits = {}
        site.app.save()
        with pytest.raises(GatesClosed, match="400 keys were compared") as refused:
            cutting_over.advance(**named(site, collection="notes"))
        assert [one["name"] for one in refused.value.extras["gates"]] == ["samples"]


class TestWhatIsNotAnAdvance:
    def test_asks_no_gate(self, site: Site) -> None:
        CollectionStage.objects.filter(app=site.app).update(stage="ramp", percentage=500)
        cutting_over.set_percentage(**named(site, percentage=100))
        cutting_over.step_back(**named(site))
        cutting_over.panic(**named(site))
        cutting_over.release_panic(**named(site))
        assert site.stage == ("shadow", 0)

    def test_is_none_from_off_which_has_no_gates(self) -> None:
        site = Site(plan=None, stage=Stage.OFF)
        cutting_over.advance(**named(site))
        assert site.stage == ("dual_write", 0)
