"""A worker dies while it erases an owner; another goes on, and nothing is left."""

import pytest

from tests.faults.points import ERASING
from tests.faults.world import until


class TestErasing:
    @pytest.mark.parametrize("point", ERASING)
    def test_survives_the_death_of_its_worker(self, world, point):
        browser, other = world.browser(60), world.browser(20)
        browser.migrate()
        other.migrate()
        with world.armed(f"{point}:3:kill"), world.recovery(f"worker killed at {point}"):
            assert browser.call("POST", "/owner/erase", json={"confirm": "erase"}).status_code == 202
            done = "SELECT count(*) FROM migration_erasure WHERE owner_id = %s AND state = 'done'"
            until(lambda: world.query(done, browser.owner)[0][0] == 1, "the owner is erased", seconds=60)
            world.await_fired(point)
        for table in ("record", "chunk", "backup", "device", "migrationrun", "runevent", "rollbackpoint"):
            assert world.query(f"SELECT count(*) FROM migration_{table} WHERE owner_id = %s", browser.owner) == [(0,)]
        world.browsers.remove(browser)
        browser.close()
        world.verify()
