"""Two tabs of one app: one uploads, the other looks on, and takes over when the first is gone."""

from e2e.conftest import Profile
from e2e.gate import CHUNKS
from e2e.halfway import DATA, assert_arrived_once, moved_half
from e2e.ledger import Ledger
from e2e.pages import DemoPage
from e2e.watch import Watch


def uploads_of(demo: DemoPage) -> list[str]:
    """Collect the chunks a tab sends from now on."""
    sent: list[str] = []
    demo.page.on("request", lambda request: sent.append(request.url) if CHUNKS.search(request.url) else None)
    return sent


class TestTwoTabs:
    def test_one_uploads_and_both_see_the_receipt(self, demo: DemoPage, profile: Profile, ledger: Ledger) -> None:
        gate, run_id = moved_half(demo, profile, ledger)
        second = DemoPage(profile.page(), profile.url)
        sent = uploads_of(second)
        second.open()
        second.panel.waits_for(lambda status: status["leading"] is False)
        second.panel.shows_error("Another tab of this app is doing it")
        gate.open()
        demo.panel.shows_receipt()
        second.panel.shows_receipt()
        assert sent == []
        assert_arrived_once(ledger, run_id, DATA)

    def test_the_second_takes_over_from_a_closed_one(
        self, demo: DemoPage, profile: Profile, ledger: Ledger, watch: Watch
    ) -> None:
        watch.expect_lost_requests()
        gate, run_id = moved_half(demo, profile, ledger)
        second = profile.demo()
        second.panel.waits_for(lambda status: status["leading"] is False)
        demo.page.close()
        gate.drop()
        second.panel.shows_receipt()
        assert_arrived_once(ledger, run_id, DATA)
