"""The page goes on writing while its data moves."""

from e2e.conftest import Profile
from e2e.halfway import DATA, moved_half
from e2e.ledger import Ledger
from e2e.pages import DemoPage
from e2e.waiting import until

COUNTERS = 10
_WRITE_ON = """() => {
    let n = 0;
    window.writer = setInterval(() => localStorage.setItem(`counter:${n % 10}`, String(n++)), 5);
}"""


class TestWritingMeanwhile:
    def test_last_writes_and_deletions_arrive(self, demo: DemoPage, profile: Profile, ledger: Ledger) -> None:
        gate, run_id = moved_half(demo, profile, ledger)
        owner = ledger.run(run_id).owner
        # Acknowledged is not loaded yet: the worker may still be at it.
        until(demo.page, lambda: len(ledger.records(owner)) > 1)
        gone, changed = sorted(ledger.records(owner))[:2]
        unsent = next(reversed(DATA))

        demo.storage.remove(gone, unsent)
        demo.storage.write({changed: "changed after it had arrived", "note:late": "first"})
        demo.storage.write({"note:late": "last"})
        demo.add_todo("Came later")
        gate.open()
        demo.panel.shows_receipt()

        records = ledger.records(owner)
        assert records == demo.storage.read()
        assert records["note:late"] == "last"
        assert gone in ledger.tombstones(owner)
        assert not {gone, unsent} & set(records)

    def test_a_page_that_never_stops_writing_gets_its_receipt(
        self, demo: DemoPage, profile: Profile, ledger: Ledger
    ) -> None:
        demo.page.evaluate(_WRITE_ON)
        demo.fill_with_a_lot()
        demo.panel.shows_offer()
        demo.panel.move()
        demo.panel.shows_receipt()
        demo.page.evaluate("clearInterval(window.writer)")
        # What was written after the last look is not in this receipt; the panel says so and moves it.
        demo.panel.move_changes()
        demo.panel.shows_receipt()
        local = demo.storage.read()
        del local["auth_token"]
        assert ledger.records(ledger.run(demo.panel.run_id()).owner) == local
