"""The web server dies while it writes a device's ops; the device repeats them, and once is what has happened."""

import json

import pytest

from tests.faults.points import WRITING


class TestWriting:
    @pytest.mark.parametrize("point", WRITING)
    def test_survives_the_death_of_the_web_server(self, world, point):
        browser = world.browser(0)
        ops = [{"seq": seq, "line": json.dumps([f"k{seq % 7}", str(seq)], separators=(",", ":"))} for seq in range(40)]
        with world.armed(f"{point}:2:kill"), world.recovery(f"web killed at {point}"):
            answers = [browser.call("POST", "/records", json={"ops": ops[at : at + 4]}) for at in range(0, 40, 4)]
            world.await_fired(point)
        assert {answer.status_code for answer in answers} == {200}
        assert 0 in [one.status for one in browser.answers], "one answer was lost"
        told = [one for answer in answers for one in answer.json()["outcomes"]]
        assert [(one["seq"], one["outcome"], one["revision"]) for one in told] == [
            (seq, "accepted", seq + 1) for seq in range(40)
        ]
        held = dict(world.query(HELD, browser.owner))
        assert held == {f"k{seq % 7}": str(seq) for seq in range(33, 40)}
        world.browsers.remove(browser)
        browser.close()


HELD = "SELECT key_json::json #>> '{}', value::text FROM migration_record WHERE owner_id = %s"
