"""Signed-in users: their tokens expire, and their data can come back into a fresh profile."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from e2e.conftest import Profile
from e2e.gate import Gate
from e2e.halfway import DATA
from e2e.ledger import Ledger
from e2e.waiting import until
from e2e.watch import Watch
from migration.api.tokens import issue_user_token

LIFETIME = 900
SKEW = 60


class Backend:
    """What an app's own server does for its user: it hands out short tokens while the user is signed in."""

    def __init__(self, secret_key: str) -> None:
        self.user = f"anna-{uuid4().hex[:8]}"
        self.signed_in = True
        self.refreshes = 0
        self._secret_key = secret_key
        self._token = self.token()

    def token(self, *, age: float = 0) -> str:
        """Return a token that was issued `age` seconds ago."""
        at = timezone.now() - timedelta(seconds=age)
        return issue_user_token(self._secret_key, self.user, app_key="pk_demo", lifetime=LIFETIME, at=at)

    def age_token(self, seconds_left: float) -> None:
        """Make the token at hand one that the server takes for so many seconds more."""
        self._token = self.token(age=LIFETIME + SKEW - seconds_left)

    def provide(self, refresh: bool) -> str | None:
        """Answer the page: the token at hand, or another one when that was refused."""
        if refresh:
            self.refreshes += 1
            if not self.signed_in:
                return None
            self._token = self.token()
        return self._token


@pytest.fixture
def backend(secret_key: str) -> Backend:
    """The app's own server, with a user of this test's own."""
    return Backend(secret_key)


class TestTokens:
    def test_one_that_expires_in_the_middle_is_renewed_once(
        self, profile: Profile, backend: Backend, ledger: Ledger, watch: Watch
    ) -> None:
        watch.expect(r"status of 401")
        gate = Gate(profile.context, passing=2)
        account = profile.account(backend.provide).prepare()
        account.storage.write(DATA)
        backend.age_token(6)
        account.open()
        account.panel.shows_offer()
        account.panel.move()
        until(account.page, lambda: gate.held == 2)
        # Both held requests carry the token that ends while they wait.
        account.page.wait_for_timeout(6_500)
        before = backend.refreshes
        gate.open()
        account.panel.shows_receipt()
        assert backend.refreshes - before == 1
        assert ledger.records(ledger.owner_of_account(backend.user)) == DATA

    def test_signed_out_it_pauses_and_signed_in_again_it_goes_on(
        self, profile: Profile, backend: Backend, ledger: Ledger, watch: Watch
    ) -> None:
        watch.expect(r"status of 401")
        gate = Gate(profile.context, passing=2)
        account = profile.account(backend.provide).prepare()
        account.storage.write(DATA)
        account.open()
        account.panel.shows_offer()
        account.panel.move()
        run_id = account.panel.run_id()
        until(account.page, lambda: gate.held == 2)
        backend.signed_in = False
        backend.age_token(-1)
        gate.open()
        account.panel.shows("Waiting until you are signed in again")
        assert ledger.run(run_id).state == "transferring"
        backend.signed_in = True
        account.panel.shows_receipt()
        assert ledger.run(run_id).state == "completed"
        assert ledger.records(ledger.owner_of_account(backend.user)) == DATA


class TestRestore:
    def test_brings_a_backup_into_a_fresh_profile(
        self, new_profile: Callable[[], Profile], backend: Backend, ledger: Ledger
    ) -> None:
        entries = {"note:1": '{"title":"kept"}', "todo:1": "\ud800\x00 1.10e2", "": "empty key", "__proto__": "-0"}
        first = new_profile().account(backend.provide).prepare()
        first.storage.write(entries)
        first.open()
        first.panel.shows_offer()
        first.panel.move()
        first.panel.shows_receipt()

        second = new_profile().account(backend.provide).open()
        second.panel.restore()
        assert second.storage.read() == entries
        second.panel.reload_to_see()
        assert second.storage.read() == entries

    def test_a_guest_of_a_fresh_profile_is_offered_nobodys_data(
        self, new_profile: Callable[[], Profile]
    ) -> None:
        first = new_profile().demo()
        first.fill()
        first.panel.shows_offer()
        first.panel.move()
        first.panel.shows_receipt()
        second = new_profile().demo()
        second.panel.waits_for(lambda status: status["supported"])
        assert second.panel.is_absent()
        assert second.storage.read() == {}
