"""Ways back from the admin, seen in a page that is open and writes: of an owner, of a collection, of a whole app.

(Of a run: test_rollback and test_cutover_back.)
"""

from collections.abc import Callable, Iterator
from secrets import token_hex

import pytest

from e2e.conftest import Profile
from e2e.console import Console
from e2e.host import serving
from e2e.ledger import Ledger
from e2e.pages import AdminPage
from e2e.tenant import Backend, Tenant, make_tenant
from e2e.waiting import until
from e2e.watch import Watch
from e2e.writer import Writer
from syncserver.stack import Stack

Entries = dict[str, str]


@pytest.fixture(scope="module")
def tenant(console: Console, stack: Stack) -> Iterator[Tenant]:
    """An app of these tests' own: one of them takes all of its owners back."""
    with serving() as origin:
        yield make_tenant(console, stack, origin=origin, slug=f"back-{token_hex(4)}", collections=["todo", "note"])


@pytest.fixture
def open_page(profile: Profile, writer: Callable[..., Writer], watch: Watch) -> Writer:
    """An open page that has written on both sides."""
    # A stale epoch is an answer the browser logs.
    watch.expect(r"status of 409")
    watch.expect_lost_requests()
    return _wrote(writer(profile), {"todo:1": "old", "note:1": "old"})


@pytest.fixture
def records(ledger: Ledger, open_page: Writer, backend: Backend) -> Callable[[], Entries]:
    """Read what the server holds of the page's user."""
    owner = ledger.owner_of_account(backend.user)
    return lambda: ledger.records(owner)


def _wrote(open_page: Writer, entries: Entries) -> Writer:
    open_page.storage.write(entries)
    return open_page.settle()


def _is_told(open_page: Writer) -> None:
    """Wait until the page knows that its writes are not wanted; it keeps every byte, and what it writes."""
    held = open_page.storage.read()
    until(open_page.page, lambda: open_page.pending["paused"] in ("dual_write_off", "wrong_state"))
    open_page.storage.write({"todo:9": "written since"})
    assert open_page.storage.read() == {**held, "todo:9": "written since"}


def _goes_on(open_page: Writer, records: Callable[[], Entries]) -> None:
    """Visit again once the owner is on: the page is not undone, and what it has is on the server again."""
    held = open_page.storage.read()
    open_page.visit_again()
    until(open_page.page, lambda: records() == held)
    assert open_page.storage.read() == held


class TestARollbackUnderAnOpenPage:
    def test_is_told_to_it_touches_no_local_byte_and_is_not_undone_by_it(
        self, open_page: Writer, records: Callable[[], Entries], admin: AdminPage, ledger: Ledger, backend: Backend
    ) -> None:
        owner = ledger.owner_of_account(backend.user)
        _wrote(open_page, {"todo:1": "new", "todo:2": "added"})
        admin.go_back(owner, to=2)
        until(open_page.page, lambda: records() == {"todo:1": "old", "note:1": "old"})
        _is_told(open_page)
        assert records() == {"todo:1": "old", "note:1": "old"}
        admin.put_on(owner)
        _goes_on(open_page, records)

    # What the page sees of these is what it sees of the above, in both browsers.
    @pytest.mark.parametrize("engine", ["chromium"], indirect=True)
    def test_of_a_collection_is_told_to_it_and_leaves_the_other_collection(
        self, open_page: Writer, records: Callable[[], Entries], admin: AdminPage, ledger: Ledger, backend: Backend
    ) -> None:
        owner = ledger.owner_of_account(backend.user)
        _wrote(open_page, {"todo:1": "new", "note:1": "new"})
        admin.go_back(owner, to=2, collection="todo")
        until(open_page.page, lambda: records() == {"todo:1": "old", "note:1": "new"})
        _is_told(open_page)
        admin.put_on(owner)
        _goes_on(open_page, records)

    @pytest.mark.parametrize("engine", ["chromium"], indirect=True)
    def test_of_the_whole_app_is_told_to_it(
        self,
        open_page: Writer,
        records: Callable[[], Entries],
        admin: AdminPage,
        ledger: Ledger,
        backend: Backend,
        tenant: Tenant,
    ) -> None:
        noon = admin.name_where_all_stand(tenant.id)
        _wrote(open_page, {"todo:1": "new", "todo:2": "added"})
        admin.take_everybody_back(noon)
        until(open_page.page, lambda: records() == {"todo:1": "old", "note:1": "old"})
        _is_told(open_page)
        assert records() == {"todo:1": "old", "note:1": "old"}
        admin.put_on(ledger.owner_of_account(backend.user))
        _goes_on(open_page, records)
