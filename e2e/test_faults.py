"""The server's side breaks in the middle of a move; the page goes on, and so does the move."""

import re

import pytest
from playwright.sync_api import Route

from e2e import browsers
from e2e.conftest import Profile
from e2e.gate import API, counting
from e2e.halfway import DATA, assert_arrived_once, moved_half
from e2e.lacking import NO_SOCKETS
from e2e.ledger import Ledger
from e2e.pages import DemoPage
from e2e.waiting import until
from e2e.watch import Watch
from syncserver.stack import Stack

ASKING = re.compile(r"/api/v1/runs/[^/]+(/receipt\?wait=\d+)?$")
# After failures the SDK waits up to 30 s before it tries again, and more than once on a slow machine.
AFTER_FAILURES_MS = 120_000


class TestProcessesKilled:
    def test_daphne_killed_and_restarted(
        self, demo: DemoPage, profile: Profile, stack: Stack, ledger: Ledger, watch: Watch
    ) -> None:
        watch.expect_lost_requests()
        gate, run_id = moved_half(demo, profile, ledger)
        restarts = stack.processes["web"].restarts
        stack.kill("web")
        gate.open()
        demo.panel.shows_receipt(timeout=AFTER_FAILURES_MS)
        assert stack.processes["web"].restarts > restarts
        assert_arrived_once(ledger, run_id, DATA)

    # What happens behind the server is no matter of the browser's.
    @pytest.mark.parametrize("engine", ["chromium"], indirect=True)
    def test_workers_killed_and_restarted(self, demo: DemoPage, profile: Profile, stack: Stack, ledger: Ledger) -> None:
        gate, run_id = moved_half(demo, profile, ledger)
        workers = [name for name in stack.processes if name.startswith("worker")]
        for name in workers:
            stack.kill(name)
        gate.open()
        until(demo.page, lambda: all(stack.processes[name].running for name in workers))
        for name in workers:
            stack.kill(name)
        demo.panel.shows_receipt(timeout=90_000)
        assert_arrived_once(ledger, run_id, DATA)


class TestSocketBlocked:
    def test_asking_takes_its_place(self, profile: Profile, ledger: Ledger, watch: Watch) -> None:
        watch.expect_lost_requests()
        profile.context.add_init_script(NO_SOCKETS)
        asked = counting(profile.context, ASKING)
        demo = profile.demo()
        gate, run_id = moved_half(demo, profile, ledger)
        gate.open()
        demo.panel.shows_receipt()
        assert asked() > 0
        assert_arrived_once(ledger, run_id, DATA)


class TestFailOpen:
    """Whatever becomes of us, the page works as if we were not there."""

    def use(self, demo: DemoPage) -> None:
        """Do what people do with the app."""
        demo.fill()
        demo.add_todo("Feed the cat")
        demo.add_note("Still here", "and writing")
        demo.delete_todo("Feed the cat")
        demo.reload()
        assert "25 notes" in demo.summary()
        assert any("Still here" in value for value in demo.storage.read().values())

    def test_without_a_server(self, profile: Profile, watch: Watch) -> None:
        watch.expect_lost_requests()
        profile.context.route(API, lambda route: route.abort("connectionrefused"))
        demo = profile.demo()
        self.use(demo)
        demo.panel.shows_error("The server cannot be reached")

    def test_without_the_script(self, profile: Profile, watch: Watch) -> None:
        watch.expect_lost_requests()
        profile.context.route(re.compile("/static/sdk/"), lambda route: route.abort("connectionrefused"))
        demo = profile.demo()
        self.use(demo)
        assert demo.panel.is_absent()

    @pytest.mark.parametrize(("engine", "status"), browsers.both(("500", "403"), firefox=("500",)), indirect=["engine"])
    def test_with_a_server_that_talks_nonsense(self, profile: Profile, watch: Watch, status: str) -> None:
        watch.expect_lost_requests()

        def nonsense(route: Route) -> None:
            route.fulfill(status=int(status), content_type="text/html", body="<h1>Bad day</h1>")

        profile.context.route(API, nonsense)
        self.use(profile.demo())

    # In the other browser the server is killed under a move, above.
    @pytest.mark.parametrize("engine", ["chromium"], indirect=True)
    def test_server_goes_away_under_an_open_page(
        self, demo: DemoPage, stack: Stack, ledger: Ledger, watch: Watch
    ) -> None:
        watch.expect_lost_requests()
        demo.fill()
        demo.panel.shows_offer()
        stack.stop("web")
        # Packed before the todo is written, or the run would take it along.
        with demo.page.expect_request(re.compile(r"/api/v1/runs$")):
            demo.panel.move()
        demo.add_todo("Written without a server")
        demo.panel.shows("Waiting for the server; it goes on by itself")
        stack.start("web")
        demo.panel.shows_receipt(timeout=AFTER_FAILURES_MS)
        # The run had been packed before: its receipt does not speak of the last todo, and the panel says so.
        demo.panel.move_changes()
        demo.panel.shows_receipt()
        texts = ledger.records(ledger.run(demo.panel.run_id()).owner).values()
        assert any("Written without a server" in text for text in texts)
