"""Ways back at many moments and from many hands: the snapshot to the byte, later edits listed, and once is once."""

import random
from uuid import uuid4

import pytest

from migration.models import Rollback
from tests.factories.doors import account, at_once, make_tenant, owner_of
from tests.factories.held import losers_of, values_of
from tests.factories.ops import Writer
from tests.factories.uploads import todos
from tests.factories.workers import Worker

pytestmark = pytest.mark.django_db(transaction=True)


def work() -> None:
    Worker().work_until_done()


@pytest.mark.parametrize("seed", range(10))
def test_back_from_dual_write_is_the_snapshot_and_lists_every_later_edit(seed: int) -> None:
    chance = random.Random(seed)
    tenant = make_tenant(conflict_policy="AUTO_OVERWRITE")
    writers = [Writer(account(tenant, "ann")) for _ in range(2)]

    def edit(times: int, mark: str) -> dict[str, str | None]:
        last: dict[str, str | None] = {}
        for turn in range(times):
            key = f"k{chance.randrange(6)}"
            value = None if chance.random() < 0.2 else f"{mark}{turn}"
            told = chance.choice(writers).write(key, value)
            assert told["outcome"] in {"accepted", "conflict"}, told
            last[key] = value
        return last

    edit(chance.randrange(1, 20), "before ")
    browser, owner = writers[0].browser, owner_of(writers[0].browser, tenant)
    aim, snapshot = browser.post("/rollback-points", {"name": "now"}).json()["id"], values_of(owner)
    later = edit(chance.randrange(1, 20), "after ")
    standing = values_of(owner)
    foreseen = browser.get(f"/rollback-points/{aim}/rollback").json()
    asked = browser.post(f"/rollback-points/{aim}/rollback", {"idempotency_key": str(uuid4())})
    work()
    done = browser.get(f"/rollbacks/{asked.json()['id']}").json()
    held = {key: value for key, value in values_of(owner).items() if value is not None}
    assert held == {key: value for key, value in snapshot.items() if value is not None}
    differ = {key for key in later if standing.get(key) != snapshot.get(key)}
    assert (done["reverted"], done["journaled"]) == (foreseen["reverted"], foreseen["journaled"])
    assert {(key, standing[key]) for key in differ} <= {(key, value) for key, value, _ in losers_of(owner)}
    browser.post(f"/rollbacks/{done['id']}/undo", {"idempotency_key": str(uuid4())})
    work()
    assert values_of(owner) | dict.fromkeys(set(standing) - set(values_of(owner))) == standing


def test_twenty_races_of_four_are_each_one_rollback() -> None:
    tenant = make_tenant()
    for race in range(20):
        browser = account(tenant)
        run = browser.upload(todos(3))
        work()
        key = str(uuid4())

        def ask(number: int, *, browser=browser, run=run, key=key, race=race) -> tuple[int, str]:  # type: ignore[no-untyped-def]
            named = key if race % 2 else str(uuid4())
            answer = browser.post(f"/runs/{run}/rollback", {"idempotency_key": named})
            return answer.status_code, answer.json()["id"]

        answers = at_once(4, ask)
        assert len({identifier for _, identifier in answers}) == 1, answers
        assert {status for status, _ in answers} <= {200, 202}
        at_once(2, lambda _: work())
        assert Rollback.objects.filter(run_id=run).count() == 1
        assert set(values_of(owner_of(browser, tenant)).values()) == {None}
