"""Dual write from one script tag: what it fetches, whom it asks about a conflict, and a page that is put away."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from e2e import browsers
from e2e.host import serving
from e2e.test_capture import HELD, INSTALL
from e2e.waiting import until

# What a page may decide, and what then stands.
CHOICES: dict[str, tuple[Any, str]] = {
    "local": ("local", "mine"),
    "remote": ("remote", "theirs"),
    "custom": ({"value": "mine and theirs"}, "mine and theirs"),
}
_FETCHED = """() => performance.getEntriesByType('resource')
    .map(({ name }) => name.match(/\\/sdk\\/(.*)$/)?.[1]).filter(Boolean)"""
_DISPUTE = """([choice]) => {
    window.asked = [];
    const line = (value) => JSON.stringify(['note', value]);
    disputed.set('note', { base: line('base'), remote: line('theirs') });
    window.decide = (conflict) => {
        asked.push(['key', 'base', 'local', 'remote'].map((side) => conflict[side]));
        return choice ?? undefined;
    };
    localStorage.setItem('note', 'mine');
}"""


@pytest.fixture
def paper(engines: Callable[[str], Browser], engine: str) -> Iterator[Page]:
    """A page with the core and dual write from one file; nothing is installed yet."""
    with serving() as origin:
        context = engines(engine).new_context()
        page = context.new_page()
        page.goto(f"{origin}/dual.html")
        yield page
        context.close()


def _install(page: Page) -> None:
    page.evaluate("localStorage.setItem('before', '1')")
    assert page.evaluate(INSTALL, {"syncInterval": 200}) == {"ok": True}


class TestTheOneFile:
    def test_needs_none_beside_it_but_the_engine_at_a_first_visit(self, paper: Page) -> None:
        _install(paper)
        until(paper, lambda: paper.evaluate(HELD) == {"before": "1"})
        paper.evaluate("incoming.push(JSON.stringify(['theirs', '2']))")
        paper.wait_for_function("localStorage.theirs === '2'")
        assert paper.evaluate(_FETCHED) == ["migration-dual.global.js", "migration-engine.js"]

    @pytest.mark.parametrize(("engine", "name"), browsers.both(CHOICES, firefox=("custom",)), indirect=["engine"])
    def test_asks_the_page_about_a_conflict(self, paper: Page, name: str) -> None:
        choice, stands = CHOICES[name]
        paper.evaluate("window.decide = () => undefined")
        paper.evaluate(
            "() => { makeClient({ syncInterval: 200, onConflict: (it) => decide(it) }); return migration.ready; }"
        )
        paper.evaluate(_DISPUTE, [choice])
        paper.wait_for_function("asked.length")
        paper.wait_for_function(
            "(value) => localStorage.note === value && !migration.pending.refused.length", arg=stands
        )
        assert paper.evaluate("asked") == [["note", "base", "mine", "theirs"]]
