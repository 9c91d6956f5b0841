"""An operator at a run that is under way: the browser at the other end does as it is told."""

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
        self, demo: DemoPage, profile: Profile, admin: AdminPage, ledger: Ledger
    ) -> None:
        gate, run_id = moved_half(demo, profile, ledger)
        admin.open_run(run_id)
        admin.shows_state("transferring")
        admin.press("Pause")
        admin.shows_state("paused")
        admin.timeline_says("wish", "pause, asked for by admin:admin")

        demo.panel.shows("^Paused$")
        gate.open()
        # What was on its way may arrive; nothing new may follow.
        until(demo.page, lambda: len(ledger.chunks(run_id)) == gate.seen)
        assert ledger.run(run_id).state == "transferring"
        assert sum(ledger.chunks(run_id)) < len(DATA)

        admin.press("Resume")
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
        admin.press("Cancel")
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
