"""The sweeper dies while it takes an owner's past away; the next one goes on, and what holds now is untouched."""

import json

import pytest

from tests.faults.points import PRUNING
from tests.faults.world import until


class TestPruning:
    @pytest.mark.parametrize("point", PRUNING)
    def test_survives_the_death_of_the_sweeper(self, world, point):
        browser = world.browser(0)
        for seq in range(12):
            line = json.dumps(["k", str(seq)], separators=(",", ":"))
            assert browser.call("POST", "/records", json={"ops": [{"seq": seq, "line": line}]}).status_code == 200
        for table in ("record", "record_version"):
            world.query(f"UPDATE migration_{table} SET written_at = now() - interval '1 year' RETURNING 1")
        with world.armed(f"{point}:1:kill"), world.recovery(f"sweeper killed at {point}"):
            old = "created_at = now() - interval '2 years', pruned_at = NULL"
            world.query(f"UPDATE migration_owner SET {old} WHERE id = %s RETURNING 1", browser.owner)
            left = "SELECT count(*) FROM migration_record_version WHERE owner_id = %s"
            until(lambda: world.query(left, browser.owner) == [(0,)], "history is pruned", seconds=60)
            world.await_fired(point)
        held = "SELECT revision, value::text FROM migration_record WHERE owner_id = %s"
        assert world.query(held, browser.owner) == [(12, "11")]
        world.browsers.remove(browser)
        browser.close()
