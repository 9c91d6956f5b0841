"""Many devices of one account that write the same keys at the same moment: all get through, and nothing is lost."""

import random

import pytest

from tests.factories.doors import account, at_once, make_tenant, owner_of
from tests.factories.held import losers_of, records_of, values_of, versions_of
from tests.factories.ops import Writer

pytestmark = pytest.mark.django_db(transaction=True)
DEVICES, KEYS, BATCHES = 8, 50, 3


@pytest.mark.parametrize("policy", ["AUTO_OVERWRITE", "AUTO_SKIP"])
def test_many_devices_that_write_the_same_keys_in_any_order_all_get_through(policy: str) -> None:
    tenant = make_tenant(conflict_policy=policy)
    devices = [Writer(account(tenant, "user")) for _ in range(DEVICES)]
    devices[0].write("first", "1")

    def write(number: int) -> set[int]:
        chance, told = random.Random(number), set[int]()
        for turn in range(BATCHES):
            keys = chance.sample(range(KEYS), KEYS)
            ops = [devices[number].op(f"k{key}", f"{number}/{turn}") for key in keys]
            told.add(devices[number].send(*ops).status_code)
        return told

    assert at_once(DEVICES, write) == [{200}] * DEVICES
    owner = owner_of(devices[0].browser, tenant)
    revisions = sorted(one.revision for one in [*records_of(owner).values(), *versions_of(owner)])
    assert revisions == list(range(1, owner.revision + 1))
    # A device's last word stands, is in history under a later one, or is kept as the loser of a conflict.
    kept = {*values_of(owner).items()}
    kept |= {(version.key, version.value) for version in versions_of(owner)}
    kept |= {(key, value) for key, value, _ in losers_of(owner)}
    last = {(f"k{key}", f"{number}/{BATCHES - 1}") for key in range(KEYS) for number in range(DEVICES)}
    assert last - kept == set()
