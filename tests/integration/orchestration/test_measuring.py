"""The figures gates look at, from what browsers told and what the tables hold, and the coordinator's health."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from migration.cutover.gates import Comparisons
from migration.models import App, ComparisonSample, Device, DeviceOutbox, RollbackProof
from migration.orchestration.comparing import fold_comparisons
from migration.orchestration.measuring import Measured, measure
from migration.reports import prove_rollbacks
from migration.states import RunState
from tests.factories.doors import Browser, account, make_tenant
from tests.factories.loads import make_app, make_device, make_owner, make_run
from tests.factories.plans import make_plan
from tests.factories.writes import dispute

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def device_of(app: App, **columns: Any) -> Device:
    device = make_device(make_owner(app))
    Device.objects.filter(id=device.id).update(**{"last_seen_at": NOON, **columns})
    return device


def compared(device: Device, *, at: datetime, collection: str = "", stage: str = "shadow", **columns: Any) -> None:
    told = {"compared": 100, "agreed": 100, "noise": 0, "errors": 0, "ms": [8.0], **columns}
    ComparisonSample.objects.create(
        app_id=device.owner.app_id,
        owner=device.owner,
        device_id=device.id,
        collection=collection,
        stage=stage,
        at=at,
        **told,
    )


def outbox(device: Device, seconds: float, *, count: int = 1, at: datetime = NOON, stage: str = "shadow") -> None:
    DeviceOutbox.objects.create(
        device_id=device.id, app_id=device.owner.app_id, owner=device.owner, stage=stage, count=count, bytes=9,
        oldest_seconds=seconds, errors=0, at=at,
    )  # fmt: skip


def fold(*, at: datetime) -> None:
    with transaction.atomic():
        fold_comparisons(last=None, at=at)


def measured(app: App, *, since: datetime = NOON - timedelta(days=9), collection: str = "") -> Measured:
    fold(at=NOON)
    return measure(app=app, since={collection: since}, at=NOON)[collection]


class TestDevices:
    def test_are_those_seen_lately_and_have_receipts_of_their_own(self) -> None:
        app = make_app()
        make_run(device_of(app), state=RunState.COMPLETED)
        make_run(device_of(app), state=RunState.COMPLETED, dry_run=True)
        make_run(device_of(app), state=RunState.FAILED)
        make_run(device_of(app, last_seen_at=NOON - timedelta(days=31)), state=RunState.COMPLETED)
        make_run(device_of(make_app()), state=RunState.COMPLETED)
        found = measured(app).figures
        assert (found.devices, found.receipts, found.stragglers) == (3, 1, 2)

    def test_tell_of_outboxes_and_empty_ones_are_of_no_age(self) -> None:
        app = make_app()
        for _ in range(99):
            outbox(device_of(app), 500.0, count=0)
        outbox(device_of(app), 7.5)
        outbox(device_of(app), 9e9, at=NOON - timedelta(hours=2))
        found = measured(app).figures
        assert (found.outboxes, found.outbox_p99) == (100, 0.0)
        outbox(device_of(app), 60.0)
        assert measured(app).figures.outbox_p99 == 7.5


class TestWhatStandsApart:
    def test_is_counted_by_collection_and_else_with_the_rest(self) -> None:
        app = make_app()
        owner = make_owner(app)
        dispute(owner, "a", held="1", lost="2")
        dispute(make_owner(), "b", held="1", lost="2")
        assert measured(app).figures.apart == 1


class TestComparisons:
    def test_count_since_the_stage_began_and_within_two_windows(self) -> None:
        app = make_app()
        one, other = device_of(app), device_of(app)
        compared(one, at=NOON - 40 * MINUTE, agreed=0)
        compared(one, at=NOON - 20 * MINUTE, agreed=90, noise=5, ms=[1.0, 64.0])
        compared(other, at=NOON - 5 * MINUTE, errors=25)
        found = measured(app, since=NOON - 30 * MINUTE)
        assert (found.figures.comparisons.compared, found.figures.comparisons.errors) == (200, 25)
        assert found.figures.comparisons.mismatch_rate == 5 / 200
        assert found.figures.comparisons.p99_ms == 64.0
        assert (found.lately.compared, found.lately.error_rate, found.lately.devices) == (100, 0.2, 1)

    def test_of_the_minute_in_which_the_stage_began_do_not_count(self) -> None:
        app = make_app()
        compared(device_of(app), at=NOON - 20 * MINUTE + timedelta(seconds=50))
        found = measured(app, since=NOON - 20 * MINUTE + timedelta(seconds=30))
        assert found.figures.comparisons == Comparisons()

    def test_are_of_one_collection_and_one_app(self) -> None:
        app = make_app()
        compared(device_of(app), at=NOON - 5 * MINUTE, collection="notes")
        compared(device_of(make_app()), at=NOON - 5 * MINUTE)
        assert measured(app).figures.comparisons == Comparisons()
        assert measured(app, collection="notes").figures.comparisons.compared == 100


class TestProofs:
    def test_are_made_for_planned_cutovers_and_kept(self) -> None:
        planned, other = make_plan(make_app()).app, make_app()
        assert prove_rollbacks(at=NOON - timedelta(hours=2)) == 1
        assert prove_rollbacks(at=NOON - timedelta(hours=1, minutes=30)) == 0
        assert prove_rollbacks(at=NOON - timedelta(minutes=30)) == 1
        assert RollbackProof.objects.filter(app=planned, passed=True).count() == 2
        assert not RollbackProof.objects.filter(app=other).exists()
        assert (measured(planned).figures.proof_age, measured(planned).figures.proof_holds) == (1_800.0, True)
        assert measured(other).figures.proof_age is None

    def test_that_failed_are_told_as_such(self) -> None:
        app = make_app()
        RollbackProof.objects.create(app=app, passed=True, detail="", milliseconds=1, at=NOON - 2 * MINUTE)
        RollbackProof.objects.create(app=app, passed=False, detail="Broken.", milliseconds=1, at=NOON - MINUTE)
        assert (measured(app).figures.proof_age, measured(app).figures.proof_holds) == (60.0, False)


class TestHealth:
    def test_tells_an_owner_how_the_two_sides_do_by_stage(self) -> None:
        tenant, now = make_tenant(), timezone.now()
        device = device_of(tenant.app)
        compared(device, at=now - 5 * MINUTE, agreed=99, errors=25, ms=[4.0])
        compared(device, at=now - 90 * MINUTE, agreed=0)
        outbox(device, 12.0, stage="ramp", at=now)
        fold(at=now)
        told = account(tenant).get("/health").json()["coordinator"]
        shadow, ramp = sorted(told["stages"], key=lambda one: str(one["stage"]), reverse=True)
        assert (shadow["consistency_rate"], shadow["error_rate"], shadow["p99_ms"]) == (0.99, 0.2, 4.0)
        assert (shadow["compared"], shadow["outboxes"]) == (100, 0)
        assert (ramp["stage"], ramp["outbox_p99_seconds"], ramp["consistency_rate"]) == ("ramp", 12.0, None)
        assert (told["server_waiting"], told["server_oldest_seconds"]) == (0, 0.0)
        assert account(make_tenant()).get("/health").json()["coordinator"]["stages"] == []

    def test_is_not_for_everybody(self) -> None:
        assert Browser().get("/health").json()["coordinator"] is None
