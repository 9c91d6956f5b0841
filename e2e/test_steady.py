"""A page that has nothing to do: it fetches nothing but what it works with."""

from collections.abc import Callable

from playwright.sync_api import Page

from e2e.conftest import Profile
from e2e.watch import Watch
from e2e.writer import Writer

ENGINE = "migration-engine.js"
_FETCHED = """() => performance.getEntriesByType('resource')
    .map(({ name }) => name.match(/\\/sdk\\/(.*)$/)?.[1]).filter(Boolean)"""


def fetched(page: Page) -> list[str]:
    """Return what of ours a page has loaded so far."""
    found: list[str] = page.evaluate(_FETCHED)
    return found


def rest(tab: Writer) -> None:
    """Wait until an exchange has found nothing to do."""
    tab.settle().page.wait_for_function("window.migration.pending.paused === null")


class TestASteadyPage:
    def test_whose_last_visit_ended_in_peace_leaves_the_engine_where_it_is(
        self, profile: Profile, writer: Callable[..., Writer], watch: Watch
    ) -> None:
        watch.expect_lost_requests()
        one = writer(profile, before={"a": "1"})
        rest(one)
        assert ENGINE in fetched(one.page)
        one.page.reload()
        rest(one.install())
        assert ENGINE not in fetched(one.page)
        rest(one.visit_again())
        assert ENGINE not in fetched(one.page)
        assert "migration-sync.js" in fetched(one.page)
