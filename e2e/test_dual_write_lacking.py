"""Dual write in browsers that lack something, keep the wrong time, or hear nonsense: less of it, never less data."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Route

from e2e import browsers
from e2e.conftest import Profile
from e2e.gate import API
from e2e.lacking import NO_CHANNEL, NO_COMPRESSION, NO_INDEXED_DB, NO_LOCKS, NO_SOCKETS, WRONG_CLOCK
from e2e.tenant import Backend
from e2e.waiting import until
from e2e.watch import Watch
from e2e.writer import Writer

LACKING = {
    "indexed_db": NO_INDEXED_DB,
    "sockets": NO_SOCKETS,
    "locks": NO_LOCKS,
    "channel": NO_CHANNEL + NO_COMPRESSION,
    "all_of_it": NO_INDEXED_DB + NO_SOCKETS + NO_LOCKS + NO_CHANNEL + NO_COMPRESSION,
}
NONSENSE = {"hotel": (200, "<h1>Welcome to the hotel</h1>"), "forbidden": (403, "null")}
Writing = Callable[..., Writer]
Records = Callable[[], dict[str, str]]


class TestABrowserThatLacks:
    @pytest.mark.parametrize(
        ("engine", "what"), browsers.both(LACKING, firefox=("sockets", "all_of_it")), indirect=["engine"]
    )
    def test_something_has_its_changes_on_the_server_and_gets_those_of_others(
        self, what: str, new_profile: Callable[[], Profile], writer: Writing, records: Records, watch: Watch
    ) -> None:
        watch.expect_lost_requests()
        poor, other = new_profile(), new_profile()
        poor.context.add_init_script(LACKING[what])
        one = writer(poor, before={"a": "1"}).settle()
        second_tab = writer(poor)
        second_tab.storage.write({"b": "from the other tab"})
        until(one.page, lambda: records() == {"a": "1", "b": "from the other tab"})
        elsewhere = writer(other).settle()
        elsewhere.holds(records())
        elsewhere.storage.write({"a": "from elsewhere"})
        one.holds({"a": "from elsewhere", "b": "from the other tab"})

        one.storage.write({"c": "before going"})
        one.visit_again()
        # The other tab may lead by now; without a channel the visitor does not hear of its acknowledgements.
        until(one.page, lambda: records() == one.storage.read())
        assert records() == {"a": "from elsewhere", "b": "from the other tab", "c": "before going"}


class TestAWrongClock:
    def test_decides_nothing(
        self, new_profile: Callable[[], Profile], writer: Writing, records: Records, watch: Watch
    ) -> None:
        watch.expect_lost_requests()
        ahead, right = new_profile(), new_profile()
        ahead.context.add_init_script(WRONG_CLOCK)
        first = writer(ahead, before={"a": "1"}).settle()
        second = writer(right).settle()
        second.holds({"a": "1"})
        first.storage.write({"a": "first, ten years ahead"})
        first.settle()
        second.holds({"a": "first, ten years ahead"})
        second.storage.write({"a": "second, and later"})
        second.settle()
        first.holds({"a": "second, and later"})
        assert records() == {"a": "second, and later"}


class TestAServer:
    @pytest.mark.parametrize(("engine", "what"), browsers.both(NONSENSE, firefox=("hotel",)), indirect=["engine"])
    def test_that_talks_nonsense_disturbs_no_page_and_loses_no_write(
        self, what: str, profile: Profile, writer: Writing, records: Records, watch: Watch
    ) -> None:
        watch.expect_lost_requests()
        one = writer(profile, before={"a": "1"}).settle()

        def nonsense(route: Route) -> None:
            heard.append(route.request.url)
            route.fulfill(status=NONSENSE[what][0], content_type="text/html", body=NONSENSE[what][1])

        heard: list[str] = []
        profile.context.route(API, nonsense)
        one.storage.write({"a": "2", "b": "3"})
        until(one.page, lambda: any(re.search("/records", url) for url in heard))
        assert one.storage.read() == {"a": "2", "b": "3"}
        profile.context.unroute(API, nonsense)
        one.settle()
        assert records() == {"a": "2", "b": "3"}

    def test_that_refuses_an_old_token_is_shown_another_one(
        self, profile: Profile, writer: Writing, records: Records, backend: Backend, watch: Watch
    ) -> None:
        watch.expect(r"status of 401")
        one = writer(profile, before={"a": "1"}).settle()
        before = backend.refreshes
        backend.age_token(0)
        until(one.page, backend.token_is_over)
        one.storage.write({"a": "2", "b": "3"})
        one.settle()
        assert backend.refreshes == before + 1
        assert records() == {"a": "2", "b": "3"}
