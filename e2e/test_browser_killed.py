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
from syncserver.stack import Stack

OPTIONS = {"withoutPanel": True, "rescanInterval": 0, "syncInterval": 1000, "retryDelay": 1000}


def _processes(folder: Path) -> list[int]:
    """Return the ids of the browser's own process of a profile: the one without a type."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode().split("\0") if entry.name.isdigit() else []
        except OSError:
            continue
        if f"--user-data-dir={folder}" in words and not any(word.startswith("--type=") for word in words):
            found.append(int(entry.name))
    return found


@pytest.fixture
def start(
    automation: Playwright, tmp_path: Path, stack: Stack, tenant: Tenant, backend: Backend
) -> Iterator[Callable[[], tuple[AccountPage, Callable[[], None]]]]:
    """Start the browser on one and the same profile, as often as asked; returns a tab and how to kill it all."""
    contexts: list[BrowserContext] = []

    def started() -> tuple[AccountPage, Callable[[], None]]:
        context = automation.chromium.launch_persistent_context(
            tmp_path / "profile",
            executable_path=browsers.program("chromium"),
            args=browsers.chromium_arguments(),
        )
        contexts.append(context)
        options: dict[str, Any] = {"url": stack.url, "appKey": tenant.key, **OPTIONS}
        tab = AccountPage(context.new_page(), tenant.origin, provider=backend.provide, options=options)

        def kill() -> None:
            for pid in _processes(tmp_path / "profile"):
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
