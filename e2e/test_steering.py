"""An operator at a run that is under way: the browser at the other end does as it is told."""

from collections.abc import Callable

import pytest

from e2e.conftest import Profile
from e2e.halfway import DATA, assert_arrived_once, moved_half
from e2e.ledger import Ledger
from e2e.pages import AdminPage, DemoPage
from e2e.waiting import until
from e2e.watch import Watch


@pytest.mark.parametrize("engine", ["chromium"], indirect=True)
class TestAnOperatorAtARun:
    def test_pauses_it_and_lets_it_go_on_to_its_end(
        self,
        demo: DemoPage,
        profile: Profile,
        admin: AdminPage,
        ledger: Ledger,
        new_profile: Callable[[], Profile],
    ) -> None:
        gate, run_id = moved_half(demo, profile, ledger)
        owner, arrived = ledger.run(run_id).owner, sum(ledger.chunks(run_id))
        admin.open_run(run_id)
        admin.shows_state("transferring")
        admin.steer("Pause")
        admin.shows_state("paused")
        admin.timeline_says("wish", "pause, asked for by admin:admin")
        demo.panel.shows("^Paused$")
        gate.open()
        until(demo.page, lambda: sum(ledger.chunks(run_id)) > arrived)

        # What arrives is kept, but no worker takes it, however free they are: another browser's move comes to its end.
        other = new_profile().demo()
        other.fill()
        other.panel.shows_offer()
        other.panel.move()
        other.panel.shows_receipt()
        assert len(ledger.records(owner)) <= arrived
        assert ledger.run(run_id).state == "transferring"
        admin.shows_state("paused")

        admin.steer("Resume")
        admin.timeline_says("wish", "resume, asked for by admin:admin")
        demo.panel.shows_receipt()
        assert_arrived_once(ledger, run_id, DATA)
        admin.shows_state("completed")
        admin.timeline_says("state", "verifying → completed")

    def test_cancels_it_and_takes_back_what_had_arrived(
        self, demo: DemoPage, profile: Profile, admin: AdminPage, ledger: Ledger, watch: Watch
    ) -> None:
        # What the browser sends after the end is refused, which it logs.
        watch.expect(r"status of 4(09|10)")
        gate, run_id = moved_half(demo, profile, ledger)
        owner = ledger.run(run_id).owner
        until(demo.page, lambda: ledger.records(owner))
        admin.open_run(run_id)
        admin.steer("Cancel")
        admin.shows_state("cancelled")
        admin.timeline_says("wish", "cancel, asked for by admin:admin")
        admin.timeline_says("state", "transferring → cancelled: cancel")
        gate.open()
        demo.panel.shows("^Cancelled$")
        assert 0 < len(ledger.records(owner)) < len(DATA)

        admin.ask_to_roll_back()
        admin.confirm(admin.word_to_type())
        until(demo.page, lambda: ledger.run(run_id).state == "rolled_back")
        assert ledger.records(owner) == {}
        assert demo.storage.read() == DATA
