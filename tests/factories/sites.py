"""An app whose devices tell that all is well, or not, on a clock that only the test moves."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction

from migration.cutover.plans import Plan, Step
from migration.models import (
    App,
    CollectionStage,
    ComparisonSample,
    CutoverPlan,
    Device,
    DeviceOutbox,
    RollbackProof,
    StageChange,
)
from migration.orchestration import planning
from migration.orchestration.comparing import fold_comparisons
from migration.orchestration.planning import look
from migration.states import RunState, Stage
from tests.factories.loads import make_app, make_device, make_owner, make_run

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
QUICK = Plan((Step(100, 600), Step(2_500, 600), Step(10_000, 600)), 600)
BY = {"actor": "operator:ada", "collection": ""}


class Site:
    """An app with devices that tell, a plan, and a clock that only this moves."""

    def __init__(
        self, *, devices: int = 4, stage: Stage = Stage.DUAL_WRITE, plan: Plan | None = QUICK, **columns: Any
    ) -> None:
        self.now = NOON
        self.app: App = make_app(**columns, limits={"gate_comparisons": 100, "breach_comparisons": 50})
        App.objects.filter(id=self.app.id).update(created_at=NOON)
        self.app.refresh_from_db()
        self.devices = [make_device(make_owner(self.app)) for _ in range(devices)]
        for device in self.devices:
            make_run(device, state=RunState.COMPLETED)
        self.row = CollectionStage.objects.create(app=self.app, stage=stage, changed_at=NOON)
        if plan is not None:
            planning.set_plan(app_id=self.app.id, plan=plan, at=NOON, **BY)

    def tell(self, **columns: Any) -> None:
        """Let every device tell that all is well, but for `columns`."""
        Device.objects.filter(owner__app=self.app).update(last_seen_at=self.now)
        told = {"compared": 100, "agreed": 100, "noise": 0, "errors": 0, "ms": [12.0], **columns}
        at = self.now - MINUTE
        stage, of_app = self.stage[0], self.app.id
        ComparisonSample.objects.bulk_create(
            ComparisonSample(app_id=of_app, owner=one.owner, device_id=one.id, stage=stage, at=at, **told)
            for one in self.devices
        )
        boxes = {"count": 0, "bytes": 0, "oldest_seconds": 0.0, "errors": 0, "stage": stage, "at": self.now}
        DeviceOutbox.objects.bulk_create(
            [DeviceOutbox(device_id=one.id, app_id=of_app, owner=one.owner, **boxes) for one in self.devices],
            update_conflicts=True,
            unique_fields=["device_id"],
            update_fields=["stage", "at"],
        )
        RollbackProof.objects.create(app=self.app, passed=True, detail="", milliseconds=1, at=self.now)

    def later(self, by: timedelta = 15 * MINUTE, **columns: Any) -> None:
        """Let time go on, the devices tell, and the sweeper fold and look."""
        self.now += by
        self.tell(**columns)
        self.fold()
        look(at=self.now)

    def fold(self) -> None:
        """Let the sweeper fold what was told."""
        with transaction.atomic():
            fold_comparisons(last=self.now - 10 * MINUTE, at=self.now)

    @property
    def stage(self) -> tuple[str, int]:
        row = CollectionStage.objects.get(app=self.app, collection="")
        return row.stage, row.percentage

    @property
    def plan(self) -> CutoverPlan:
        return CutoverPlan.objects.get(app=self.app, collection="")

    @property
    def history(self) -> list[tuple[str, str, int]]:
        changes = StageChange.objects.filter(app=self.app).order_by("epoch")
        return [(one.cause, one.to_stage, one.to_percentage) for one in changes]
