"""An owner taken back from the admin, seen in a page that is open and writes."""

from collections.abc import Callable

from e2e.conftest import Profile
from e2e.ledger import Ledger
from e2e.pages import AccountPage, AdminPage
from e2e.tenant import Backend
from e2e.waiting import until
from e2e.watch import Watch

OPTIONS = {"withoutPanel": True, "rescanInterval": 0, "syncInterval": 1000, "retryDelay": 1000}


class TestARollbackUnderAnOpenPage:
    def test_is_told_to_it_touches_no_local_byte_and_is_not_undone_by_it(
        self,
        profile: Profile,
        account: Callable[..., AccountPage],
        backend: Backend,
        admin: AdminPage,
        ledger: Ledger,
        watch: Watch,
    ) -> None:
        # A stale epoch is an answer the browser logs; a server that has just started does not know the origin yet.
        watch.expect(r"status of 409", r"blocked by CORS policy", r"config$", r"Cross-Origin Request", r"Same Origin")
        tab = account(profile, **OPTIONS).open()
        assert tab.call("install") == {"ok": True}
        tab.storage.write({"todo:1": "old"})
        assert tab.call("whenSynced") == {"ok": True}
        owner = ledger.owner_of_account(backend.user)
        tab.storage.write({"todo:1": "new", "todo:2": "added"})
        assert tab.call("whenSynced") == {"ok": True}

        admin.go_back(owner, to=1)
        until(tab.page, lambda: ledger.records(owner) == {"todo:1": "old"})
        paused = "window.migration.pending.paused"
        until(tab.page, lambda: tab.page.evaluate(paused) in ("dual_write_off", "wrong_state"))
        tab.storage.write({"todo:3": "written since"})
        held = {"todo:1": "new", "todo:2": "added", "todo:3": "written since"}
        assert tab.storage.read() == held
        assert ledger.records(owner) == {"todo:1": "old"}

        admin.put_on(owner)
        tab.open()
        assert tab.call("install") == {"ok": True}
        until(tab.page, lambda: ledger.records(owner) == held)
        assert tab.storage.read() == held
