"""The back/forward cache: a page is put away as it stands, and taken out again as if nothing had been.

Playwright switches that cache off, so Chromium is driven over its own protocol here.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from e2e.quiet import QuietChromium, quiet_chromium
from e2e.tenant import Backend, Tenant
from e2e.writer import OPTIONS
from syncserver.stack import Stack
from syncserver.stack.processes import wait_until

_INSTALL = "migration.install().then(() => migration.whenSynced()).then(({ ok }) => ok)"
_SETTLED = "migration.whenSynced().then(({ ok }) => ok)"
# How many lead, and how many wait for that.
_LEADING = """navigator.locks.query().then(({ held, pending }) =>
    [held, pending].map((locks) => locks.filter(({ name }) => name.endsWith(':sync')).length))"""
_STORED = "Object.fromEntries(Object.keys(localStorage).map((key) => [key, localStorage[key]]))"
Records = Callable[[], dict[str, str]]


class Tab:
    """A tab with dual write that comes and goes."""

    def __init__(self, browser: QuietChromium, origin: str, script: str) -> None:
        self._browser, self._origin, self._script = browser, origin, script
        self.ask = browser.evaluate

    def another(self) -> "Tab":
        """Open another one in the same profile."""
        return Tab(self._browser.another(), self._origin, self._script)

    def open(self) -> "Tab":
        """Open the page, switch dual write on and wait until the server has everything."""
        self._browser.go(f"{self._origin}/account.html", script=self._script)
        assert self.ask(_INSTALL)
        self.ask("window.kept = true")
        return self

    def leave(self) -> None:
        """Go to a page without us."""
        self._browser.go(f"{self._origin}/bare.html")

    def come_back(self) -> bool:
        """Go back; tell whether the page is the one that was left."""
        self._browser.back()
        return bool(self.ask("window.kept"))


@pytest.fixture
def tab(tmp_path: Path, stack: Stack, tenant: Tenant, backend: Backend) -> Iterator[Tab]:
    """A tab in a fresh profile in which the test's user is signed in."""
    options = json.dumps({"url": stack.url, "appKey": tenant.key, **OPTIONS})
    script = f"window.clientOptions = {options}; window.issueToken = () => {json.dumps(backend.token())};"
    with quiet_chromium(tmp_path / "profile") as browser:
        yield Tab(browser, tenant.origin, script)


class TestAPageThatIsPutAway:
    def test_is_kept_with_all_it_holds_and_goes_on_when_it_is_taken_out(self, tab: Tab, records: Records) -> None:
        # On a busy machine the browser throws a page away now and then for reasons of its own.
        assert any(self._is_kept(tab) for _ in range(3))
        tab.ask("localStorage.b = 'after coming back'")
        assert tab.ask(_SETTLED)
        assert records() == tab.ask(_STORED) == {"a": "just before going", "b": "after coming back"}
        assert tab.ask(_LEADING) == [1, 0]

    def _is_kept(self, tab: Tab) -> bool:
        tab.open()
        tab.ask("localStorage.a = 'just before going'")
        tab.leave()
        return tab.come_back()

    def test_gives_the_lead_to_a_tab_that_wants_it(self, tab: Tab, records: Records) -> None:
        other = tab.open().another()
        tab.ask("localStorage.a = 'just before going'")
        tab.leave()
        other.open()
        other.ask("localStorage.b = 'meanwhile'")
        assert other.ask(_SETTLED)
        assert records() == {"a": "just before going", "b": "meanwhile"}
        # The browser threw it away, for it held what the other one asked for.
        assert not tab.come_back()
        tab.open()
        assert tab.ask(_LEADING) == [1, 1]
        tab.ask("localStorage.c = 'after coming back'")
        assert wait_until(lambda: records() == tab.ask(_STORED), seconds=10)
        assert records() == {"a": "just before going", "b": "meanwhile", "c": "after coming back"}
