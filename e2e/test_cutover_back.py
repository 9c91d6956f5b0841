"""A run taken back by an operator under an open page, in an app none of whose collections is complete."""

from e2e.conftest import Profile
from e2e.ledger import Ledger
from e2e.pages import AdminPage
from e2e.tenant import Backend
from e2e.test_cutover import Records, Writing, hears, mover, side
from e2e.waiting import until

__all__ = ["mover"]


class TestARollbackOfARun:
    def test_is_told_to_the_open_page_which_keeps_every_byte_and_can_be_undone(
        self, profile: Profile, mover: Writing, records: Records, admin: AdminPage, ledger: Ledger, backend: Backend
    ) -> None:
        one = mover(profile, before={"note:1": "old", "note:2": "old"})
        owner = ledger.owner_of_account(backend.user)
        [run_id] = ledger.runs_of(owner)
        assert side(one, "note:1") == ("browser", None)
        held = one.storage.read()
        admin.open_run(run_id)
        admin.ask_to_roll_back()
        admin.confirm(admin.word_to_type())
        until(one.page, lambda: ledger.run(run_id).state == "rolled_back")
        hears(one, "", "off", reason="owner_off")
        assert one.storage.read() == held
        admin.undo_rollback(run_id)
        until(one.page, lambda: records() == held)
        assert one.storage.read() == held
