"""A server that dates things by a clock an hour off, or one that is set in the midst of work: the order is its own."""

import itertools
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from migration.api.tokens import issue_user_token
from migration.lifecycle import enlist
from migration.orchestration import MigrationOrchestrator
from tests.factories.doors import Browser, Tenant, account, make_tenant, owner_of
from tests.factories.held import losers_of, records_of, values_of, versions_of
from tests.factories.ops import Writer
from tests.factories.uploads import chunk_of, manifest_of, todos

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = timedelta(hours=1)
JUMPS = {
    "right": [timedelta()],
    "ahead": [HOUR],
    "behind": [-HOUR],
    "set_back": [timedelta(), timedelta(), -HOUR, -HOUR],
    "back_and_forth": [HOUR, -HOUR],
}


class Clock:
    """The right time and what is wrong with it."""

    def __init__(self, errors: list[timedelta]) -> None:
        self._errors, self._right = itertools.cycle(errors), timezone.now
        self._error = timedelta()

    def turn(self, tenant: Tenant, *browsers: Browser) -> None:
        """Set it to the next of its errors; browsers are given tokens by a backend that is right about the server's."""
        self._error = next(self._errors)
        for browser in browsers:
            browser.token = issue_user_token(tenant.secret, "user", app_key=tenant.key)

    def now(self) -> datetime:
        """Return what it shows."""
        return self._right() + self._error


@pytest.fixture(params=JUMPS.values(), ids=JUMPS)
def clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The server's clock."""
    made = Clock(request.param)
    monkeypatch.setattr(timezone, "now", made.now)
    return made


def work() -> None:
    MigrationOrchestrator.work_until_done(holder=enlist(), clock=timezone.now)


class TestAServerWhoseClockJumps:
    def test_takes_writes_in_the_order_in_which_they_come(self, clock: Clock) -> None:
        tenant = make_tenant(conflict_policy="AUTO_OVERWRITE")
        ann, bob = (Writer(account(tenant, "user")) for _ in range(2))
        for turn in range(12):
            clock.turn(tenant, ann.browser, bob.browser)
            (ann if turn % 3 else bob).write(f"k{turn % 2}", f"{turn}")
        owner = owner_of(ann.browser, tenant)
        assert values_of(owner) == {"k0": "10", "k1": "11"} == bob.changes()
        assert [one.revision for one in versions_of(owner)] == list(range(1, 11))
        assert [one.value for one in versions_of(owner)] == [str(turn) for turn in range(10)]
        assert {(key, winner) for key, _, winner in losers_of(owner)} == {("k0", "arriving"), ("k1", "arriving")}

    def test_brings_a_migration_to_its_receipt(self, clock: Clock) -> None:
        tenant = make_tenant()
        device: Browser = account(tenant, "user")
        entries = todos(60)
        clock.turn(tenant, device)
        run_id = str(device.create(entries).json()["id"])
        parts = [dict(itertools.islice(entries.items(), at, at + 20)) for at in (0, 20, 40)]
        for seq, part in enumerate(parts, 1):
            clock.turn(tenant, device)
            assert device.put(run_id, chunk_of(part, seq=seq)).status_code == 201
            clock.turn(tenant, device)
            work()
        clock.turn(tenant, device)
        assert device.seal(run_id, manifest_of(entries)).status_code == 200
        clock.turn(tenant, device)
        work()
        assert device.get(f"/runs/{run_id}").json()["state"] == "completed"
        assert device.get(f"/runs/{run_id}/receipt").status_code == 200
        held = records_of(owner_of(device, tenant))
        assert {key: one.value for key, one in held.items()} == entries

        # And back again, the clock being set once more.
        clock.turn(tenant, device)
        answer = device.post(f"/runs/{run_id}/rollback", {"idempotency_key": "0c1d6f6e-5b7a-4a52-9a3b-000000000001"})
        assert answer.status_code in {200, 202}, answer.content
        clock.turn(tenant, device)
        work()
        assert set(values_of(owner_of(device, tenant)).values()) == {None}
