"""Cut off in the middle: reload, closed tab, killed browser. The next visit goes on by itself."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest
from playwright.sync_api import Browser, Playwright

from e2e import browsers
from e2e.conftest import Profile
from e2e.gate import Gate
from e2e.halfway import DATA, assert_arrived_once, moved_half
from e2e.ledger import Ledger
from e2e.pages import DemoPage
from e2e.waiting import until
from e2e.watch import Watch
from syncserver.stack import Stack


class TestResume:
    def test_after_a_reload(self, demo: DemoPage, profile: Profile, ledger: Ledger, watch: Watch) -> None:
        watch.expect_lost_requests()
        gate, run_id = moved_half(demo, profile, ledger)
        gate.drop()
        demo.reload()
        demo.panel.shows_receipt()
        assert_arrived_once(ledger, run_id, DATA)

    @pytest.mark.parametrize("engine", browsers.FIREFOX_AT_LENGTH, indirect=True)
    def test_in_a_new_tab_after_the_first_was_closed(
        self, demo: DemoPage, profile: Profile, ledger: Ledger, watch: Watch
    ) -> None:
        watch.expect_lost_requests()
        gate, run_id = moved_half(demo, profile, ledger)
        demo.page.close()
        gate.drop()
        again = profile.demo()
        again.panel.shows_receipt()
        assert_arrived_once(ledger, run_id, DATA)
        assert again.storage.read() == DATA

    @pytest.mark.parametrize("engine", browsers.FIREFOX_AT_LENGTH, indirect=True)
    def test_waits_for_the_user_where_the_user_had_paused(
        self, demo: DemoPage, profile: Profile, ledger: Ledger, watch: Watch
    ) -> None:
        watch.expect_lost_requests()
        gate, run_id = moved_half(demo, profile, ledger)
        demo.panel.pause()
        demo.page.close()
        gate.drop()
        again = profile.demo()
        again.panel.shows("A move was interrupted")
        assert ledger.run(run_id).state == "transferring"
        again.panel.go_on()
        again.panel.shows_receipt()
        assert_arrived_once(ledger, run_id, DATA)


class TestPauseAndCancel:
    def test_paused_nothing_moves_and_resumed_it_finishes(
        self, demo: DemoPage, profile: Profile, ledger: Ledger, watch: Watch
    ) -> None:
        gate, run_id = moved_half(demo, profile, ledger)
        demo.panel.pause()
        # Something is left when all chunks that wait have passed, however few there were.
        late = {"note:late": "written while paused"}
        demo.storage.write(late)
        gate.open()
        # What was on its way may arrive; nothing new may follow.
        until(demo.page, lambda: len(ledger.chunks(run_id)) == gate.seen)
        seen = gate.seen
        assert ledger.run(run_id).state == "transferring"
        assert sum(ledger.chunks(run_id)) < len(DATA) + 1
        demo.panel.go_on()
        demo.panel.shows_receipt()
        assert gate.seen > seen
        assert_arrived_once(ledger, run_id, {**DATA, **late})

    def test_cancelled_what_had_arrived_can_be_undone(
        self, demo: DemoPage, profile: Profile, ledger: Ledger, watch: Watch
    ) -> None:
        watch.expect(r"status of 409")
        watch.expect_lost_requests()
        gate, run_id = moved_half(demo, profile, ledger)
        owner = ledger.run(run_id).owner
        until(demo.page, lambda: len(ledger.records(owner)) > 0)
        # Asked while the rest is still held: a quick run may otherwise be over before.
        demo.panel.cancel(then=gate.open)
        until(demo.page, lambda: ledger.run(run_id).state == "cancelled")
        demo.panel.ask_to_undo()
        demo.panel.undo()
        assert ledger.records(owner) == {}
        assert demo.storage.read() == DATA


class KillableChromium:
    """Chromium as a process of our own on a profile folder, so that it can be killed outright."""

    def __init__(self, folder: Path, playwright: Playwright) -> None:
        self._folder, self._playwright = folder, playwright
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Browser:
        """Start it and connect."""
        port_file = self._folder / "DevToolsActivePort"
        port_file.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [
                browsers.program("chromium"),
                *browsers.chromium_arguments(),
                "--headless=new",
                "--remote-debugging-port=0",
                "--no-first-run",
                f"--user-data-dir={self._folder}",
                "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        until = monotonic() + 30
        while not (port_file.exists() and "\n" in port_file.read_text()):
            assert monotonic() < until, "Chromium did not start"
            sleep(0.05)
        return self._playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port_file.read_text().split()[0]}")

    def kill(self) -> None:
        """SIGKILL for all of its processes."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


@pytest.fixture
def killable(tmp_path: Path, automation: Playwright) -> Iterator[KillableChromium]:
    """A Chromium that may be killed."""
    chromium = KillableChromium(tmp_path / "profile", automation)
    yield chromium
    chromium.kill()


class TestBrowserKilled:
    """Chromium writes localStorage to disk seconds later: what it lost it never promised (fault-matrix M23)."""

    def test_next_start_goes_on_and_loses_nothing_acknowledged(
        self, killable: KillableChromium, stack: Stack, ledger: Ledger, watch: Watch
    ) -> None:
        watch.expect_lost_requests()
        first = Profile(context=killable.start().contexts[0], url=stack.url, watch=watch)
        demo = first.demo()
        demo.storage.write(DATA)
        # Until the data is on the disk; the profile's own log tells.
        wait_until_flushed(killable, demo)
        gate = Gate(first.context, passing=2)
        demo.reload()
        demo.panel.shows_offer()
        demo.panel.move()
        run_id = demo.panel.run_id()
        until(demo.page, lambda: len(ledger.chunks(run_id)) == 2)
        acknowledged = sum(ledger.chunks(run_id))
        killable.kill()
        gate.drop()

        second = Profile(context=killable.start().contexts[0], url=stack.url, watch=watch).demo()
        assert second.storage.read() == DATA
        second.panel.shows_receipt()
        run = ledger.run(second.panel.run_id())
        assert ledger.records(run.owner) == DATA
        assert run.id == run_id, "the run's id was lost with the browser: it must be on disk before the first request"
        assert sum(ledger.chunks(run_id)) - len(DATA) <= max(ledger.chunks(run_id))
        assert acknowledged > 0


def wait_until_flushed(chromium: KillableChromium, demo: DemoPage) -> None:
    """Wait until the storage's files on disk hold the last entry; its value is random and does not compress."""
    needle = next(reversed(DATA.values()))[:40].encode()
    folder = chromium._folder / "Default" / "Local Storage" / "leveldb"
    until = monotonic() + 40
    while not any(needle in file.read_bytes() for file in folder.glob("*.log")):
        assert monotonic() < until, "Chromium did not write the storage to disk"
        demo.page.wait_for_timeout(250)
