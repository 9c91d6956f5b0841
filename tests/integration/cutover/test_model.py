"""Operators move stages under devices that write: compared with a model written from DESIGN 5 and semantics 2 and 7.

The model knows nothing of the server's tables: it says from the text of the design alone which stage holds for a
device, who may write, and what a change leads to.
"""

from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from migration.cutover import bucket_of
from migration.errors import MigrationError
from migration.models import App, Device, MigrationRun, Owner
from migration.orchestration import cutting_over, rolling_back
from migration.orchestration.cutting_over import Why
from tests.factories.doors import account, make_tenant, owner_of
from tests.factories.held import values_of
from tests.factories.loads import at_stage, give_receipt
from tests.factories.ops import Writer

ROAD = ["off", "dual_write", "shadow", "ramp", "server_primary", "complete"]
NAMES = st.sampled_from(["", "notes"])
DEVICES = st.integers(0, 3)
ACTIONS = st.sampled_from(["advance", "step_back", "set_percentage", "complete", "rejoin"])
SHARES = st.sampled_from([0, 1_000, 2_500, 5_000, 10_000])


@dataclass
class Stage:
    stage: str = "dual_write"
    share: int = 0


@dataclass
class Model:
    """What an operator asked for, and what a device should be told because of it."""

    panic: bool = False
    rest: Stage = field(default_factory=Stage)
    notes: Stage | None = None
    changes: int = 0

    def of(self, name: str) -> Stage:
        return self.notes if name == "notes" and self.notes is not None else self.rest

    def after(self, action: str, name: str, share: int) -> Stage | None:
        """Say where an action leads; None where it is not legal."""
        now = self.of(name)
        place = ROAD.index(now.stage)
        if action == "set_percentage":
            legal = now.stage == "ramp" and share != now.share and not (self.panic and share > now.share)
            return Stage("ramp", share) if legal else None
        if action == "step_back":
            back = ROAD[place - 1] if 0 < place < 5 else ""
            return Stage(back, 10_000 if back == "ramp" else 0) if back else None
        if action == "rejoin":
            ahead = (ROAD.index(self.rest.stage), self.rest.share) > (place, now.share)
            leaves = now.stage == "complete" and self.rest.stage != "complete"
            return None if name == "" or self.notes is None or ahead or leaves else self.rest
        if action == "complete":
            return Stage("complete", 10_000) if now.stage == "server_primary" and not self.panic else None
        if self.panic or place >= 4 or (now.stage == "ramp" and now.share < 10_000):
            return None
        ahead = ROAD[place + 1]
        return Stage(ahead, {"ramp": 100, "server_primary": 10_000}.get(ahead, 0))

    def held(self, name: str, *, bucket: int, receipt: bool, off: bool) -> str:
        asked = self.of(name)
        if off:
            return "off"
        if ROAD.index(asked.stage) < 2:
            return asked.stage
        if self.panic or not receipt:
            return "dual_write"
        return "shadow" if asked.stage == "ramp" and bucket >= asked.share else asked.stage


_COUNTED = """
SELECT (SELECT count(*) FROM migration_stagechange WHERE app_id = %(app)s),
       (SELECT count(*) FROM migration_auditline WHERE app_id = %(app)s AND starts_with(action, 'stage_')),
       (SELECT epoch FROM migration_app WHERE id = %(app)s)
"""


class CuttingOver(RuleBasedStateMachine):
    """Two owners with two devices each; operators, receipts and writes in any order."""

    @initialize(stage=st.sampled_from(ROAD[1:5]), share=SHARES, notes=st.sampled_from(["off", "dual_write", None]))
    def begin(self, stage: str, share: int, notes: str | None) -> None:
        self.tenant = make_tenant(collections=[{"name": "notes", "patterns": ["notes:*"]}])
        begun = Stage(stage, {"ramp": share, "server_primary": 10_000}.get(stage, 0))
        self.app, self.model = self.tenant.app, Model(rest=begun, notes=Stage(notes) if notes else None)
        at_stage(self.app, begun.stage, percentage=begun.share)
        if notes:
            at_stage(self.app, notes, collection="notes")
        self.began = App.objects.get(id=self.app.id).epoch
        self.devices = [Writer(account(self.tenant, f"user {number // 2}")) for number in range(4)]
        for device in self.devices:
            device.browser.get("/runs")
        self.owners = [owner_of(device.browser, self.tenant) for device in self.devices]
        self.buckets = [bucket_of(owner_id=owner.id, salt=self.app.salt) for owner in self.owners]
        self.receipts, self.off = [False] * 4, [False] * 4
        self.receipt(0)
        self.receipt(2)
        self.epochs, self.owner_epochs = [f"{self.began}.1"] * 4, [1, 1]
        self.wrote: list[dict[str, str]] = [{}, {}]
        self.looked: list[dict[str, str]] = [{}, {}]

    @rule(action=ACTIONS, name=NAMES, share=SHARES, asking=DEVICES)
    def change(self, action: str, name: str, share: int, asking: int) -> None:
        """An operator moves a collection, or all that go with the rest, or puts one back with them; a device asks."""
        wanted = self.model.after(action, name, share)
        served = self._served(name)
        given = {"percentage": share} if action == "set_percentage" else {}
        if not self._did(getattr(cutting_over, action), wanted is not None, collection=name, **given):
            return
        if name == "notes":
            self.model.notes = wanted if action != "rejoin" else None
        else:
            self.model.rest = wanted or self.model.rest
        if action in ("advance", "complete") or (action == "set_percentage" and self._served(name) >= served):
            assert served <= self._served(name), "raising moves nobody back"
        self.ask(asking)

    @rule(declare=st.booleans())
    def panic(self, declare: bool) -> None:
        """Somebody presses the button, or releases it."""
        verb = cutting_over.panic if declare else cutting_over.release_panic
        if self._did(verb, declare != self.model.panic):
            self.model.panic = declare

    @rule(device=DEVICES)
    def receipt(self, device: int) -> None:
        """A device's run is completed, or what it moved is taken back."""
        row = Device.objects.get(key=self.devices[device].browser.device)
        if self.receipts[device]:
            MigrationRun.objects.filter(device=row).update(state="rolled_back")
        else:
            give_receipt(row)
        self.receipts[device] = not self.receipts[device]

    @rule(owner=st.integers(0, 1))
    def switch(self, owner: int) -> None:
        """A rollback takes an owner off; an operator puts it on again."""
        one = self.owners[2 * owner]
        if self.off[2 * owner]:
            rolling_back.put_owner_on(owner_id=one.id, actor="test", at=timezone.now())
        else:
            Owner.objects.filter(id=one.id).update(switched_off=True, epoch=F("epoch") + 1)
        self.owner_epochs[owner] += 1
        self.off[2 * owner] = self.off[2 * owner + 1] = not self.off[2 * owner]

    @rule(device=DEVICES)
    def write(self, device: int) -> None:
        """A device writes both collections at once, under the epoch it was told last."""
        writer = self.devices[device]
        writer.browser.extra["Migration-Epoch"] = self.epochs[device]
        keys = [f"{name}:{device}" for name in ("notes", "other")]
        ops = [writer.op(key, str(writer.seq)) for key in keys]
        answer = writer.send(*ops)
        told = answer.json()
        if answer.status_code == 409:
            if told["code"] == "stale_epoch":
                assert self.epochs[device] != self._epoch(device)
                assert told["config"]["epoch"] == told["epoch"] == self._epoch(device)
                self._agrees(device, told["config"])
                self.epochs[device] = told["epoch"]
            else:
                assert told["code"] == "wrong_state"
                assert {self._held(device, name) for name in ("", *self._own())} == {"off"}
            return
        assert self.epochs[device] == self._epoch(device), "an older epoch writes nothing"
        for key, name, op, outcome in zip(keys, ("notes", ""), ops, told["outcomes"], strict=True):
            if self._held(device, name) == "off":
                assert (outcome["outcome"], outcome["reason"]) == ("refused", "stage_off")
            else:
                assert outcome["outcome"] == "accepted"
                self.wrote[device // 2][key] = op["line"]

    @rule(device=DEVICES)
    def ask(self, device: int) -> None:
        """A device asks for its configuration."""
        browser = self.devices[device].browser
        browser.extra.pop("Migration-Epoch", None)
        config = browser.get("/config").json()
        assert config["epoch"] == self._epoch(device)
        self._agrees(device, config)
        self.epochs[device] = config["epoch"]

    @invariant()
    def keeps_one_line_of_everything(self) -> None:
        """Each change is one epoch, one line of history and one of audit, and no acknowledged write is gone."""
        if not hasattr(self, "model"):
            return
        with connection.cursor() as cursor:
            cursor.execute(_COUNTED, {"app": self.app.id})
            changes, lines, epoch = cursor.fetchone()
        assert changes == lines == self.model.changes
        assert epoch == self.began + self.model.changes
        for place, wrote in enumerate(self.wrote):
            if wrote != self.looked[place]:
                self._holds(place)

    def teardown(self) -> None:
        """In the end everything acknowledged is there, whatever was changed after it was written."""
        if hasattr(self, "model"):
            self._holds(0)
            self._holds(1)

    def _holds(self, place: int) -> None:
        held = {key: f'["{key}","{value}"]' for key, value in values_of(self.owners[2 * place]).items()}
        assert held == self.wrote[place]
        self.looked[place] = held

    def _did(self, verb: Any, legal: bool, **given: Any) -> bool:
        try:
            verb(app_id=self.app.id, why=Why("anna", force=True), at=timezone.now(), **given)
        except MigrationError:
            assert not legal
            return False
        assert legal
        self.model.changes += 1
        return True

    def _served(self, name: str) -> set[int]:
        return {bucket for bucket in self.buckets if self._serves(name, bucket)}

    def _serves(self, name: str, bucket: int) -> bool:
        held = self.model.held(name, bucket=bucket, receipt=True, off=False)
        return held in ("ramp", "server_primary", "complete")

    def _own(self) -> list[str]:
        return [] if self.model.notes is None else ["notes"]

    def _held(self, device: int, name: str) -> str:
        known = {"bucket": self.buckets[device], "receipt": self.receipts[device], "off": self.off[device]}
        return self.model.held(name, **known)

    def _epoch(self, device: int) -> str:
        return f"{self.began + self.model.changes}.{self.owner_epochs[device // 2]}"

    def _agrees(self, device: int, config: Any) -> None:
        told = {one["collection"]: one for one in config["stages"]}
        assert set(told) == {"", *self._own()}
        for name, one in told.items():
            assert one["stage"] == self._held(device, name)
            assert (one["requested"], one["percentage"]) == (self.model.of(name).stage, self.model.of(name).share)
            assert one["reads"] == ("server" if one["stage"] in ROAD[3:] else "browser")
            assert (one["stage"] == one["requested"]) == (one["reason"] == "as_requested")
        assert (config["stage"], config["panic"]) == (told[""]["stage"], self.model.panic)


def _run(**limits: int) -> None:
    run_state_machine_as_test(
        CuttingOver, settings=settings(deadline=None, suppress_health_check=list(HealthCheck), **limits)
    )


@pytest.mark.timeout(240)
def test_cutting_over_follows_the_model(db: None) -> None:
    _run(max_examples=8, stateful_step_count=30, derandomize=True)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_cutting_over_follows_the_model_at_length(transactional_db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
    _run(max_examples=2_000, stateful_step_count=50)
