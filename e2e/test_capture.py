"""Capturing a page's own localStorage: everything is found, and the page cannot tell."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from e2e.host import serving
from e2e.waiting import until

SEQUENCES = 1000
AT_ONCE = 50
_PLAY = """async ([first, count]) => {
    const all = [];
    for (let n = 0; n < count; n++) all.push(await play(first + n));
    return all;
}"""
INSTALL = """async (options) => {
    makeClient(options);
    const told = await migration.install();
    await migration.whenSynced();
    return told;
}"""
HELD = "() => Object.fromEntries(held)"
STORED = "() => Object.fromEntries(Object.keys(localStorage).map((key) => [key, localStorage.getItem(key)]))"
_TRACES = """() => [
    document.documentElement.outerHTML.length,
    window.length,
    Object.keys(localStorage),
    Object.getOwnPropertyDescriptor(window, 'localStorage').get.toString(),
    Storage.prototype.setItem.toString(),
    Object.getOwnPropertyNames(window).filter((name) => !/^(migration$|__pw)/.test(name)),
]"""
_COMES_DOWN = """([key, value]) => new Promise((resolve) => {
    const hear = ({ key, oldValue, newValue, isTrusted, storageArea }) =>
        resolve([key, oldValue, newValue, isTrusted, storageArea === localStorage, localStorage.getItem(key)]);
    addEventListener('storage', hear, { once: true });
    incoming.push(JSON.stringify([key, value]));
    localStorage.setItem('bell', String(Math.random()));
})"""
FILL = """() => {
    const tried = [];
    const attempt = (key, value) => {
        try {
            localStorage.setItem(key, value);
            return "fits";
        } catch (error) {
            return [error.name, error.code, error.message, error.constructor.name];
        }
    };
    // 5 Mi units in all, keys and values: from a hundred too few to some too many.
    const room = 1000, ballast = 5 * 1024 * 1024 - room - "kept".length - "full".length - "ballast".length;
    localStorage.setItem("kept", "");
    localStorage.setItem("ballast", "b".repeat(ballast));
    for (let less = 100; less >= -5; less--) {
        localStorage.removeItem("full");
        const told = attempt("full", "f".repeat(room - less));
        tried.push([less, told, attempt("kept", "12345"), localStorage.kept.length]);
        localStorage.setItem("kept", "");
    }
    localStorage.clear();
    return tried;
}"""
_TIME = """async () => {
    const value = 'v'.repeat(200);
    const block = (round) => {
        const begun = performance.now();
        for (let n = 0; n < 6000; n++) localStorage.setItem(`timed:${n % 100}`, value + round + n);
        return performance.now() - begun;
    };
    const rest = () => new Promise((resolve) => setTimeout(resolve, 100));
    const ratios = [];
    for (let round = 0; round < 5; round++) {
        await migration.install();
        await migration.whenSynced();
        await rest();
        const ours = block(round + 'a');
        await migration.whenSynced();
        migration.uninstall();
        await rest();
        ratios.push(ours / block(round + 'b'));
    }
    return ratios.sort((a, b) => a - b)[2];
}"""

SANDBOXED = """() => new Promise((resolve) => {
    addEventListener('message', ({ data }) => resolve(data));
    const frame = document.createElement('iframe');
    frame.sandbox = 'allow-scripts';
    frame.srcdoc = `<script src="${location.origin}/sdk/migration.global.js"><\\/script><script>
        const client = syncserver.createMigrationClient({ url: '', appKey: 'x' });
        client.storage.setItem('a', '1');
        client.install().then(({ ok, code }) =>
            parent.postMessage([ok, code, client.storage.getItem('a'), client.pending.count], '*'));
    <\\/script>`;
    document.body.append(frame);
})"""


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """Where the page that writes is served."""
    with serving() as address:
        yield address


@pytest.fixture
def visitor(engines: Callable[[str], Browser], engine: str) -> Iterator[BrowserContext]:
    """A fresh profile."""
    made = engines(engine).new_context()
    yield made
    made.close()


@pytest.fixture
def paper(visitor: BrowserContext, origin: str) -> Page:
    """The page that writes; nothing is installed yet."""
    return _open(visitor, origin)


def _open(context: BrowserContext, origin: str) -> Page:
    tab = context.new_page()
    tab.goto(f"{origin}/writing.html")
    return tab


def _install(page: Page, **options: Any) -> None:
    assert page.evaluate(INSTALL, options) == {"ok": True}


def _arrived(page: Page) -> None:
    until(page, lambda: page.evaluate(HELD) == page.evaluate(STORED), seconds=10)


class TestEveryWayOfWriting:
    def test_is_heard(self, paper: Page) -> None:
        _install(paper)
        paper.evaluate("localStorage.setItem('stays', '1')")
        ways = {way: f"k{number}" for number, way in enumerate(paper.evaluate("Object.keys(WAYS)"))}
        self._begin(paper, ways)
        for way, key in ways.items():
            paper.evaluate("([way, key]) => WAYS[way](key, 'written')", [way, key])
            if way == "clear":
                # Rather a logout than a wish to delete everything: the page is asked.
                until(paper, lambda: paper.evaluate("migration.pending.missing") > 1)
                paper.evaluate("migration.resolveAbsence('delete')")
            _arrived(paper)
            if way == "clear":
                self._begin(paper, ways)

    def _begin(self, paper: Page, ways: dict[str, str]) -> None:
        paper.evaluate("keys => keys.forEach((key) => localStorage.setItem(key, 'before'))", list(ways.values()))
        _arrived(paper)

    def test_is_heard_from_another_tab(self, paper: Page, visitor: BrowserContext, origin: str) -> None:
        _install(paper)
        other = _open(visitor, origin)
        other.evaluate("localStorage.setItem('there', '1'); localStorage.mine = '2'")
        _arrived(paper)

    def test_is_found_where_it_was_before_us(self, paper: Page) -> None:
        paper.evaluate("localStorage.setItem('before', '1')")
        _install(paper)
        assert paper.evaluate(HELD) == {"before": "1"}

    def test_is_found_at_the_next_visit_when_the_page_was_going(self, paper: Page) -> None:
        paper.evaluate("localStorage.setItem('before', '1')")
        _install(paper)
        paper.evaluate("addEventListener('pagehide', () => localStorage.setItem('last', 'word'))")
        paper.reload()
        _install(paper)
        assert paper.evaluate(HELD) == {"last": "word"}


class TestThePage:
    def test_cannot_tell_that_it_is_heard(self, paper: Page, visitor: BrowserContext, origin: str) -> None:
        # What makes the client is the test's own, not ours.
        paper.evaluate("window.migration = null")
        plain = []
        for first in range(0, SEQUENCES, AT_ONCE):
            plain += paper.evaluate(_PLAY, [first, AT_ONCE])
        paper.close()
        heard = _open(visitor, origin)
        _install(heard)
        ours = []
        for first in range(0, SEQUENCES, AT_ONCE):
            ours += heard.evaluate(_PLAY, [first, AT_ONCE])
        differing = [seed for seed, pair in enumerate(zip(plain, ours, strict=True)) if pair[0] != pair[1]]
        assert not differing, f"seed {differing[0]}: {plain[differing[0]]} became {ours[differing[0]]}"

    def test_is_told_of_a_full_storage_at_the_same_size_in_the_same_words(self, paper: Page) -> None:
        alone = paper.evaluate(FILL)
        _install(paper)
        assert paper.evaluate(FILL) == alone
        assert {str(told) for _, told, *_ in alone} != {"fits"}

    def test_has_no_trace_of_us_after_uninstall(self, paper: Page) -> None:
        before = paper.evaluate(_TRACES)
        _install(paper)
        paper.evaluate("migration.uninstall()")
        after = paper.evaluate(_TRACES)
        assert set(after.pop()) ^ set(before.pop()) == set()
        assert after == before

    def test_hears_of_another_device_as_of_another_tab(self, paper: Page) -> None:
        paper.evaluate("localStorage.setItem('a', 'mine')")
        _install(paper, syncInterval=100)
        told = paper.evaluate(_COMES_DOWN, ["a", "theirs"])
        assert told == ["a", "mine", "theirs", True, True, "theirs"]

    # A time is no matter for a machine that has other things to do.
    @pytest.mark.soak
    def test_pays_next_to_nothing_for_a_write(self, paper: Page) -> None:
        paper.evaluate("makeClient()")
        # Somebody else on the machine can slow one half of a pair: the best of four is what we add ourselves.
        ratios = []
        while len(ratios) < 4 and not (ratios and min(ratios) <= 1.25):
            ratios.append(paper.evaluate(_TIME))
        print("setItem, ours against native:", ratios)
        assert min(ratios) <= 1.25


class TestWithoutTheFrame:
    def test_what_is_written_is_found_by_looking(self, paper: Page) -> None:
        paper.evaluate("() => { Element.prototype.attachShadow = () => { throw new Error('no'); }; }")
        _install(paper, syncInterval=100)
        paper.evaluate("localStorage.setItem('a', '1')")
        _arrived(paper)
        told = paper.evaluate(_COMES_DOWN, ["a", "theirs"])
        assert told == ["a", "1", "theirs", False, True, "theirs"]

    def test_a_frame_that_was_torn_out_is_put_back(self, paper: Page) -> None:
        _install(paper, syncInterval=100)
        paper.evaluate("document.open(), document.write('<p>Another page</p>'), document.close()")
        paper.evaluate("localStorage.setItem('unheard', '1')")
        _arrived(paper)
        told = paper.evaluate(_COMES_DOWN, ["unheard", "theirs"])
        assert told == ["unheard", "1", "theirs", True, True, "theirs"]
