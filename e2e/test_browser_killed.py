"""A browser that is killed: it may lose its last seconds of localStorage, and nothing of what was acknowledged."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright

from e2e import browsers
from e2e.ledger import Ledger
from e2e.pages import AccountPage
from e2e.tenant import Backend, Tenant
from e2e.waiting import until
from e2e.writer import OPTIONS
from syncserver.stack import Stack

# Each value is acknowledged before the next: what was overwritten unsent is a limit of its own (README).
_WRITE_ON = """() => void (async () => {
  for (let n = 0; ; n++) {
    localStorage.setItem('note:written', `${n}`);
    await migration.whenSynced('note:written');
  }
})()"""

# How the processes of its tabs are called, in one browser and the other.
PARTS = ("--type=", "-contentproc")


def _processes(folder: Path) -> list[int]:
    """Return the ids of the browser's own process of a profile: the one without a type."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode().split("\0") if entry.name.isdigit() else []
        except OSError:
            continue
        named = f"--user-data-dir={folder}" in words or str(folder) in words
        if named and not any(word.startswith(PARTS) for word in words):
            found.append(int(entry.name))
    return found


@pytest.fixture
def start(
    automation: Playwright, engine: str, tmp_path: Path, stack: Stack, tenant: Tenant, backend: Backend
) -> Iterator[Callable[[], tuple[AccountPage, Callable[[], None]]]]:
    """Start the browser on one and the same profile, as often as asked; returns a tab and how to kill it all."""
    contexts: list[BrowserContext] = []

    def started() -> tuple[AccountPage, Callable[[], None]]:
        context = browsers.launch_on(automation, engine, tmp_path / "profile")
        contexts.append(context)
        options: dict[str, Any] = {"url": stack.url, "appKey": tenant.key, **OPTIONS}
        tab = AccountPage(context.new_page(), tenant.origin, provider=backend.provide, options=options)

        def kill() -> None:
            found = _processes(tmp_path / "profile")
            assert found
            for pid in found:
                os.kill(pid, signal.SIGKILL)
            contexts.remove(context)

        return tab, kill

    yield started
    for context in contexts:
        context.close()


class TestBrowserKilled:
    def test_has_everything_acknowledged_and_everything_written_that_it_kept(
        self, start: Callable[[], tuple[AccountPage, Callable[[], None]]], ledger: Ledger, backend: Backend
    ) -> None:
        entries = {f"note:{n}": "old" for n in range(5)}
        tab, kill = start()
        tab.prepare().storage.write(entries)
        tab.open()
        assert tab.call("install")["ok"]
        assert tab.call("whenSynced")["ok"]
        tab.storage.write({"note:0": "new", "late": "1"})
        assert tab.call("whenSynced")["ok"]
        kill()

        after = {**entries, "note:0": "new", "late": "1"}
        again, kill = start()
        again.open()
        assert again.call("install")["ok"]
        until(again.page, lambda: again.storage.read() == after)
        assert again.call("whenSynced")["ok"]
        assert ledger.records(ledger.owner_of_account(backend.user)) == after
        assert _first_words(again.page) == ["new", "1"]


def _first_words(page: Page) -> list[str]:
    words: list[str] = page.evaluate("[localStorage['note:0'], localStorage.late]")
    return words


class TestKilledInTheMiddleOfWriting:
    def test_goes_on_from_what_it_kept_and_takes_nothing_back(
        self, start: Callable[[], tuple[AccountPage, Callable[[], None]]], ledger: Ledger, backend: Backend
    ) -> None:
        tab, kill = start()
        tab.prepare().storage.write({f"note:{n}": "old" for n in range(5)})
        tab.open()
        assert tab.call("install")["ok"]
        assert tab.call("whenSynced")["ok"]
        tab.page.evaluate(_WRITE_ON)
        owner = ledger.owner_of_account(backend.user)
        # Many of them before the browser has written the first one to the disk.
        until(tab.page, lambda: int(ledger.records(owner).get("note:written", 0)) > 10)
        kill()
        acknowledged = ledger.records(owner)

        again, kill = start()
        again.open()
        assert again.call("install")["ok"]
        assert again.call("whenSynced")["ok"]
        until(again.page, lambda: again.storage.read() == ledger.records(owner))
        after = ledger.records(owner)
        assert set(after) == set(acknowledged)
        assert int(after["note:written"]) >= int(acknowledged["note:written"])
