"""Stages flip under devices that write: every write lands once, and who was acknowledged reads it at once."""

import random
import threading
import time
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from migration.errors import MigrationError
from migration.models import App, StageChange
from migration.orchestration import cutting_over
from migration.orchestration.cutting_over import Why
from tests.factories.doors import Tenant, account, at_once, make_tenant, owner_of
from tests.factories.held import records_of, values_of, versions_of
from tests.factories.loads import at_stage
from tests.factories.ops import Writer, entry_of

pytestmark = pytest.mark.django_db(transaction=True)
WRITERS = 4
WHY = Why("anna", reason="flip", force=True)
ACTS: list[tuple[Any, dict[str, Any]]] = [
    (cutting_over.advance, {"collection": ""}),
    (cutting_over.advance, {"collection": "notes"}),
    (cutting_over.step_back, {"collection": ""}),
    (cutting_over.step_back, {"collection": "notes"}),
    (cutting_over.set_percentage, {"percentage": 2_500}),
    (cutting_over.set_percentage, {"percentage": 10_000}),
    (cutting_over.rejoin, {"collection": "notes"}),
    (cutting_over.panic, {}),
    (cutting_over.release_panic, {}),
]


def flip(app_id: UUID, *, count: int, seed: int) -> None:
    """Change stages by whatever is legal, so many times; leave nobody off."""
    chance, done = random.Random(seed), 0
    while done < count:
        act, given = chance.choice(ACTS)
        try:
            act(app_id=app_id, why=WHY, at=timezone.now(), **given)
        except MigrationError:
            continue
        done += 1
        time.sleep(0.01)
    app = App.objects.get(id=app_id)
    for name in ("", "notes"):
        at_stage(app, "server_primary", collection=name, percentage=10_000)


class Device:
    """One of two devices of an owner: it writes keys of its own and reads each back once it is acknowledged."""

    def __init__(self, tenant: Tenant, number: int) -> None:
        self.writer, self.number = Writer(account(tenant, f"user {number // 2}")), number
        self.writer.browser.get("/runs")
        self.acked: dict[str, str] = {}
        self.ops = 0

    def write(self) -> None:
        name = ("note", "other")[self.ops % 2]
        key = f"{name}:{self.number}:{self.ops % 3}"
        op = self.writer.op(key, f"{self.number}-{self.ops}")
        while (answer := self.writer.send(op)).status_code != 200:
            self._heed(answer)
        [outcome] = answer.json()["outcomes"]
        if (outcome["outcome"], outcome.get("reason")) == ("refused", "stage_off"):
            return
        assert outcome["outcome"] == "accepted", outcome
        self.acked[key] = f"{self.number}-{self.ops}"
        self.ops += 1
        self.read(key)

    def read(self, key: str) -> None:
        """The server's copy is asked: what it acknowledged, it has."""
        while (answer := self.writer.browser.post("/records/read", {"keys": [f'"{key}"']})).status_code != 200:
            self._heed(answer)
        [record] = answer.json()["records"]
        assert entry_of(record["line"]) == (key, self.acked[key]), "a stale read"

    def _heed(self, answer: Any) -> None:
        told = answer.json()
        assert (answer.status_code, told["code"]) in {(409, "stale_epoch"), (409, "wrong_state")}, told
        if told["code"] == "stale_epoch":
            assert told["config"]["epoch"] == told["epoch"]
            self.writer.browser.extra["Migration-Epoch"] = told["epoch"]
        time.sleep(0.005)


def fly(*, flips: int, seed: int) -> None:
    tenant, over = make_tenant(collections=[{"name": "notes", "patterns": ["note:*"]}]), threading.Event()
    devices = [Device(tenant, number) for number in range(WRITERS)]

    def do(number: int) -> None:
        if number == WRITERS:
            try:
                flip(tenant.app.id, count=flips, seed=seed)
            finally:
                over.set()
            return
        while not over.is_set() or devices[number].ops < 4:
            devices[number].write()

    at_once(WRITERS + 1, do)
    assert StageChange.objects.filter(app=tenant.app).count() == flips
    for pair in (devices[:2], devices[2:]):
        owner = owner_of(pair[0].writer.browser, tenant)
        assert values_of(owner) == pair[0].acked | pair[1].acked
        written = [one.revision for one in [*records_of(owner).values(), *versions_of(owner)]]
        assert sorted(written) == list(range(1, sum(one.ops for one in pair) + 1)), (
            "a write landed twice, or not at all"
        )


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", [1, 2])
def test_twenty_five_flips_under_four_writers_lose_nothing_and_show_nothing_stale(seed: int) -> None:
    fly(flips=25, seed=seed)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_five_hundred_flips_lose_nothing_and_show_nothing_stale() -> None:
    fly(flips=500, seed=3)
