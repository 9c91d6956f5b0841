"""What README says is left of dual write where a browser or the server lacks something: each row, and no exception."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright

from e2e import browsers
from e2e.host import serving
from e2e.lacking import NO_CHANNEL, NO_COMPRESSION, NO_FRAMES, NO_INDEXED_DB, NO_LOCKS, NO_SOCKETS
from e2e.test_capture import FILL, HELD, INSTALL, SANDBOXED, STORED
from e2e.waiting import until

README = Path(__file__).parent.parent / "README.md"
# No second try within an exchange: after five failures the SDK asks nothing for up to half a minute.
QUICK = {"syncInterval": 200, "retryDelay": 100, "requestTimeout": 300, "maxRetries": 0}
Check = Callable[[Page], None]


def _install(page: Page) -> None:
    assert page.evaluate(INSTALL, QUICK) == {"ok": True}


def _exchanges(page: Page) -> None:
    """What is written here goes up, and what another device wrote comes down."""
    _install(page)
    page.evaluate("localStorage.setItem('mine', '1')")
    until(page, lambda: page.evaluate(HELD) == page.evaluate(STORED))
    page.evaluate("incoming.push(JSON.stringify(['theirs', '2']))")
    page.wait_for_function("localStorage.theirs === '2'")


def _exchanges_at_the_next_visit(page: Page) -> None:
    _exchanges(page)
    page.reload()
    _exchanges(page)


def _remembers_at_the_next_visit(page: Page) -> None:
    _exchanges(page)
    page.reload()
    _install(page)
    page.evaluate("localStorage.setItem('later', '3')")
    until(page, lambda: page.evaluate(HELD) == {"later": "3"})


def _full(page: Page) -> None:
    alone = page.evaluate(FILL)
    _install(page)
    assert page.evaluate(FILL) == alone
    page.evaluate("localStorage.setItem('ballast', 'b'.repeat(5 * 1024 * 1024 - 100))")
    page.evaluate("incoming.push(JSON.stringify(['large', 'l'.repeat(1000)]))")
    until(page, lambda: page.evaluate("incoming.length === 0"))
    assert page.evaluate("[localStorage.large, localStorage.ballast.length]") == [None, 5 * 1024 * 1024 - 100]


def _untouched(page: Page) -> None:
    assert page.evaluate(SANDBOXED) == [False, "unsupported", "1", 0]


def _waits(mood: str) -> Check:
    def check(page: Page) -> None:
        _install(page)
        page.evaluate("given => { mood = given; localStorage.setItem('meanwhile', '1'); }", mood)
        page.wait_for_function("migration.pending.count === 1 && !/not_ready|null/.test(migration.pending.paused)")
        assert page.evaluate("localStorage.meanwhile") == "1"
        page.evaluate("mood = 'well'")
        until(page, lambda: page.evaluate(HELD) == {"meanwhile": "1"})

    return check


# What is taken away before the page begins, and what then holds.
ROWS: dict[str, tuple[str, Check]] = {
    "frames refused (an extension, a page that empties its document)": (NO_FRAMES, _exchanges),
    "IndexedDB blocked": (NO_INDEXED_DB, _exchanges_at_the_next_visit),
    "no Web Locks": (NO_LOCKS, _exchanges),
    "no BroadcastChannel": (NO_CHANNEL, _exchanges),
    "no CompressionStream": (NO_COMPRESSION, _exchanges),
    "sockets blocked": (NO_SOCKETS, _exchanges),
    "storage full": ("", _full),
    "private mode": ("", _remembers_at_the_next_visit),
    "sandboxed frame, site data blocked": ("", _untouched),
    "server away": ("", _waits("away")),
    "server slow": ("", _waits("slow")),
    "server answering something else (a portal, a proxy's page, half an answer)": ("", _waits("garbled")),
}


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """Where the page that writes is served."""
    with serving() as address:
        yield address


@pytest.fixture
def visitor(
    automation: Playwright, engines: Callable[[str], Browser], engine: str, request: pytest.FixtureRequest
) -> Iterator[BrowserContext]:
    """A fresh profile. Chromium's are private windows anyway; Firefox makes one of a browser that is told to."""
    private = "private mode" in request.node.name and engine == "firefox"
    browser = browsers.launch_private_firefox(automation) if private else engines(engine)
    made = browser.new_context()
    yield made
    made.close()
    if private:
        browser.close()


def test_every_row_of_the_readme_has_a_test() -> None:
    table = README.read_text().split("| where | what is left of dual write |\n|---|---|\n")[1].split("\n\n")[0]
    assert re.findall(r"^\| ([^|]+?) \|", table, re.MULTILINE) == list(ROWS)


@pytest.mark.parametrize("row", ROWS)
def test_dual_write_degrades_as_the_readme_says(row: str, visitor: BrowserContext, origin: str) -> None:
    script, check = ROWS[row]
    thrown: list[Any] = []
    visitor.add_init_script(script or ";")
    page = visitor.new_page()

    def hear(error: Any) -> None:
        thrown.append(error)

    page.on("pageerror", hear)
    page.goto(f"{origin}/writing.html")
    check(page)
    assert thrown == []
