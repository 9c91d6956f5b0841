"""The disk is full: Postgres refuses to write to one table after the other, by the error it has for that."""

import pytest

from tests.factories.full_disks import ASKED, no_room_for
from tests.faults.browser import Browser
from tests.faults.world import World, until

TABLES = (
    "migration_chunk",
    "migration_record",
    "migration_record_version",
    "migration_runevent",
    "migration_backup",
    "migration_migrationrun",
)


def _edit(browser: Browser) -> None:
    browser.write(0, keys=list(browser.store)[:80])


class TestAFullDisk:
    @pytest.mark.parametrize("table", TABLES)
    def test_holds_everything_up_and_takes_nothing_and_when_there_is_room_it_goes_on(
        self, world: World, table: str
    ) -> None:
        browser = world.browser(240)
        # What is stored already is written over: that is when versions are kept.
        browser.migrate()
        _edit(browser)

        def freed() -> None:
            with no_room_for(world.execute, table):
                until(lambda: world.query(ASKED)[0][0] >= 8, f"something wanted room in {table}")

        with world.recovery(f"no room in {table}"):
            world.together(browser.migrate, freed)
        assert {answer.status for answer in browser.answers} <= {0, 200, 201, 202, 401, 503}
        assert not world.query("SELECT 1 FROM migration_quarantineentry WHERE owner_id = %s", browser.owner)
        world.verify()
