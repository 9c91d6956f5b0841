"""The cutover under open pages: stages raised and lowered, a panic, a rollback, a device that comes later."""

from collections.abc import Callable, Iterator
from functools import partial
from secrets import token_hex
from time import monotonic
from typing import Any

import pytest

from e2e import browsers
from e2e.conftest import Profile
from e2e.console import Console
from e2e.gate import Gate
from e2e.host import serving
from e2e.pages import AdminPage
from e2e.tenant import Tenant, make_tenant
from e2e.test_dual_write_lives import OPS
from e2e.waiting import until
from e2e.watch import Watch
from e2e.writer import Writer
from syncserver.stack import Stack

Writing = Callable[..., Writer]
Records = Callable[[], dict[str, str]]
WALK = (
    "advance",
    "advance",
    "advance",
    "step_back",
    "step_back",
    "step_back",
    "step_back",
    *["advance"] * 4,
    "complete",
)
STAGES = ("off", "dual_write", "shadow", "ramp", "server_primary", "complete")
# Writes all the while, and notes each read that answers less than what it has written: at once, and a moment later.
_WRITE_ON = """([collection, pause]) => {
    let n = 0;
    window.stale = [];
    window.writing = setInterval(async () => {
        const key = `${collection}:${n % 7}`, written = `${++n}`;
        localStorage.setItem(key, written);
        if (localStorage.getItem(key) !== written) stale.push([key, written]);
        const { value, from } = await migration.get(key);
        if (Number(value) < Number(written)) stale.push([key, written, value, from]);
    }, pause);
}"""
_LISTEN = """() => {
    window.stages = {};
    migration.on("collectionStageChanged", ({ collection, stage, reason }) => (stages[collection] = [stage, reason]));
}"""


@pytest.fixture(scope="module")
def tenant(console: Console, stack: Stack) -> Iterator[Tenant]:
    """An app of these tests' own: its stages are nobody else's."""
    names = [f"{what}-{engine}" for what in ("walk", "served") for engine in browsers.ENGINES]
    with serving() as origin:
        # Tests are handed out to processes as they come: one may begin this module twice.
        yield make_tenant(console, stack, origin=origin, slug=f"cutover-{token_hex(4)}", collections=names)


@pytest.fixture
def change(admin: AdminPage, tenant: Tenant) -> Callable[..., None]:
    """Change a stage as an operator does."""
    return partial(admin.change_stage, tenant.id)


@pytest.fixture(scope="module")
def raised() -> set[str]:
    """Collections that are served already."""
    return set()


@pytest.fixture
def served(change: Callable[..., None], engine: str, raised: set[str]) -> str:
    """A collection whose reads the server answers."""
    name = f"served-{engine}"
    if name not in raised:
        change("advance", collection=name)
        change("advance", collection=name, share=100)
        raised.add(name)
    return name


@pytest.fixture
def mover(writer: Writing, watch: Watch) -> Writing:
    """Make tabs with a receipt of their device's own that note which stage holds."""
    # A stale epoch is an answer the browser logs.
    watch.expect(r"status of 409")
    watch.expect_lost_requests()

    def moved(profile: Profile, **options: Any) -> Writer:
        one = writer(profile, **options).settle()
        # What another device wrote may still be on its way, and there is no move of nothing.
        until(one.page, one.storage.read)
        assert one.tab.migrate()["ok"]
        one.page.evaluate(_LISTEN)
        return one

    return moved


def hears(one: Writer, collection: str, stage: str, *, reason: str = "as_requested") -> None:
    """Wait until the page was told that this stage holds."""
    until(one.page, lambda: one.page.evaluate("stages").get(collection) == [stage, reason])


def side(one: Writer, key: str) -> tuple[str, str | None]:
    """Return which side answers a read, and why it is the browser's."""
    answer = one.tab.call("get", key)
    return answer["from"], answer.get("reason")


# Who writes faster than the answers come sends first and hears of others in a pause.
PAUSES_MS = {"chromium": 150, "firefox": 600}


class TestAPageThatKeepsWriting:
    def test_loses_nothing_while_stages_are_raised_and_lowered_and_raised(
        self,
        new_profile: Callable[[], Profile],
        mover: Writing,
        records: Records,
        change: Callable[..., None],
        engine: str,
    ) -> None:
        name = f"walk-{engine}"
        quiet, mirrored = f"{name}:quiet", f"{name}:mirrored"
        one = mover(new_profile(), before={quiet: "1"})
        other = mover(new_profile())
        one.page.evaluate(_WRITE_ON, [name, PAUSES_MS[engine]])
        at = 1
        for action in WALK:
            if action == "step_back":
                other.storage.write({mirrored: STAGES[at]})
            change(action, collection=name, share=100 if action == "advance" and STAGES[at] == "shadow" else None)
            at += -1 if action == "step_back" else 1
            hears(one, name, STAGES[at])
            assert side(one, quiet) == ("server" if at > 2 else "browser", None)
            if action == "step_back" and STAGES[at] != "off":
                # A page that writes faster than it is answered sends first and hears others in a pause.
                until(one.page, lambda at=at: one.storage.read().get(mirrored) == STAGES[at + 1])
        one.page.evaluate("clearInterval(writing)")
        one.settle()
        assert one.page.evaluate("stale") == []
        until(one.page, lambda: records() == one.storage.read(), seconds=10)
        other.holds(records())
        assert len(records()) == 9


class TestAPanic:
    def test_is_on_the_open_page_in_five_seconds_and_keeps_what_waits(
        self,
        profile: Profile,
        mover: Writing,
        writer: Writing,
        records: Records,
        change: Callable[..., None],
        served: str,
    ) -> None:
        key = f"{served}:a"
        # Five seconds are measured by reads below: none of them may outlast that.
        one = mover(profile, before={key: "1"}, readTimeout=1000)
        until(one.page, lambda: side(one, key) == ("server", None))
        gate = Gate(profile.context, OPS)
        one.storage.write({f"{served}:kept": "yes"})
        until(one.page, lambda: gate.held > 0)
        change("panic")
        try:
            until(one.page, lambda: side(one, key) == ("browser", "panic"), seconds=5)
            assert (one.pending["count"], one.storage.read()[f"{served}:kept"]) == (1, "yes")
            assert f"{served}:kept" not in records()
            later = writer(profile)
            assert side(later, key) == ("browser", "panic")
            gate.open()
            one.settle()
            assert records() == one.storage.read()
        finally:
            change("release_panic")
        hears(one, served, "ramp")
        # Nobody asks now, and nothing is under way: the page hears of the next one all the same.
        taken: list[float] = []
        while len(taken) < 3 and not (taken and min(taken) < 5):
            taken.append(self._panic(one, served, change))
        assert min(taken) < 5, taken

    def _panic(self, one: Writer, served: str, change: Callable[..., None]) -> float:
        """Panic and release; return how long the page took to hear: a busy machine may be slow once."""
        change("panic")
        began = monotonic()
        try:
            hears(one, served, "dual_write", reason="panic")
            taken = monotonic() - began
        finally:
            change("release_panic")
        hears(one, served, "ramp")
        return taken


class TestASecondDevice:
    def test_stays_in_dual_write_until_it_has_a_receipt_of_its_own(
        self, new_profile: Callable[[], Profile], mover: Writing, writer: Writing, records: Records, served: str
    ) -> None:
        key = f"{served}:a"
        first = mover(new_profile(), before={key: "the first's"})
        until(first.page, lambda: side(first, key) == ("server", None))
        second = writer(new_profile(), before={key: "the second's", f"{served}:b": "the second's"})
        second.page.evaluate(_LISTEN)
        assert second.storage.read()[key] == "the second's"
        second.settle()
        assert side(second, key) == ("browser", "no_receipt")
        # In dual write the arriving write wins a tie: nothing came down over it.
        assert second.storage.read() == records() == {key: "the second's", f"{served}:b": "the second's"}
        assert second.tab.migrate()["ok"]
        until(second.page, lambda: side(second, key) == ("server", None))
        first.holds(records())


class TestAPageThatWasOffline:
    def test_loses_no_write_to_a_stage_that_was_lowered_meanwhile(
        self, profile: Profile, mover: Writing, records: Records, change: Callable[..., None]
    ) -> None:
        one = mover(profile, before={"a": "1"})
        change("advance")
        change("advance", share=100)
        try:
            until(one.page, lambda: side(one, "a") == ("server", None))
            refused: list[str] = []
            one.page.on("response", lambda answer: refused.append(answer.url) if answer.status == 409 else None)
            profile.context.set_offline(True)
            one.storage.write({"a": "2", "b": "offline"})
            until(one.page, lambda: one.pending["count"] == 2)
            change("step_back")
            profile.context.set_offline(False)
            hears(one, "", "shadow")
            one.settle()
            assert refused
            assert side(one, "a") == ("browser", None)
            assert records() == one.storage.read() == {"a": "2", "b": "offline"}
        finally:
            change("step_back")
