"""Signed-in users: their tokens expire, and their data can come back into a fresh profile."""

from collections.abc import Callable

import pytest

from e2e.conftest import Profile
from e2e.gate import Gate
from e2e.halfway import DATA
from e2e.ledger import Ledger
from e2e.pages import AccountPage
from e2e.tenant import Backend
from e2e.waiting import until
from e2e.watch import Watch

Account = Callable[[Profile], AccountPage]


class TestTokens:
    def test_one_that_expires_in_the_middle_is_renewed_once(
        self, profile: Profile, account: Account, backend: Backend, ledger: Ledger, watch: Watch
    ) -> None:
        watch.expect(r"status of 401")
        gate = Gate(profile.context, passing=2)
        page = account(profile).prepare()
        page.storage.write(DATA)
        backend.age_token(5)
        before = backend.refreshes
        page.open()
        page.panel.shows_offer()
        page.panel.move()
        until(page.page, lambda: gate.held == 2)
        # Both held requests carry the token that ends while they wait (on a very slow machine, the next one already).
        until(page.page, backend.token_is_over)
        gate.open()
        page.panel.shows_receipt()
        assert backend.refreshes - before == 1
        assert ledger.records(ledger.owner_of_account(backend.user)) == DATA

    def test_signed_out_it_pauses_and_signed_in_again_it_goes_on(
        self, profile: Profile, account: Account, backend: Backend, ledger: Ledger, watch: Watch
    ) -> None:
        watch.expect(r"status of 401")
        gate = Gate(profile.context, passing=2)
        page = account(profile).prepare()
        page.storage.write(DATA)
        page.open()
        page.panel.shows_offer()
        page.panel.move()
        run_id = page.panel.run_id()
        until(page.page, lambda: gate.held == 2)
        backend.signed_in = False
        backend.age_token(-1)
        gate.open()
        page.panel.shows("Waiting until you are signed in again")
        assert ledger.run(run_id).state == "transferring"
        backend.signed_in = True
        page.panel.shows_receipt()
        assert ledger.run(run_id).state == "completed"
        assert ledger.records(ledger.owner_of_account(backend.user)) == DATA


class TestRestore:
    def test_brings_a_backup_into_a_fresh_profile(self, new_profile: Callable[[], Profile], account: Account) -> None:
        entries = {"note:1": '{"title":"kept"}', "todo:1": "\ud800\x00 1.10e2", "": "empty key", "__proto__": "-0"}
        first = account(new_profile()).prepare()
        first.storage.write(entries)
        first.open()
        first.panel.shows_offer()
        first.panel.move()
        first.panel.shows_receipt()

        second = account(new_profile()).open()
        second.panel.restore()
        assert second.storage.read() == entries
        second.panel.reload_to_see()
        assert second.storage.read() == entries

    @pytest.mark.parametrize("engine", ["firefox"], indirect=True)
    def test_a_guest_of_a_fresh_profile_is_offered_nobodys_data(self, new_profile: Callable[[], Profile]) -> None:
        first = new_profile().demo()
        first.fill()
        first.panel.shows_offer()
        first.panel.move()
        first.panel.shows_receipt()
        second = new_profile().demo()
        second.panel.waits_for(lambda status: status["supported"])
        assert second.panel.is_absent()
        assert second.storage.read() == {}
