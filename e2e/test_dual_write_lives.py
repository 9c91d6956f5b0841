"""The lives of pages and of those who use them: reloaded, frozen, brought back, signed out, somebody else's."""

import re
from collections.abc import Callable
from uuid import uuid4

import pytest

from e2e.conftest import Profile
from e2e.console import Console
from e2e.gate import Gate
from e2e.ledger import Ledger
from e2e.tenant import Backend, Tenant
from e2e.waiting import until
from e2e.watch import Watch
from e2e.writer import Writer
from syncserver.stack import Stack

OPS = re.compile(r"/api/v1/records$")
Writing = Callable[..., Writer]
Records = Callable[[], dict[str, str]]
_ACTIVE = "from migration.models import App; App.objects.filter(publishable_key=key).update(is_active=active)"


class TestAPage:
    @pytest.mark.parametrize("reaches", [True, False], ids=["only_the_answer_is_lost", "nothing_had_arrived"])
    def test_reloaded_while_it_sends_sends_it_once(
        self, reaches: bool, profile: Profile, writer: Writing, records: Records, watch: Watch
    ) -> None:
        watch.expect_lost_requests()
        one = writer(profile, before={"a": "1"}).settle()
        gate = Gate(profile.context, OPS)
        one.storage.write({"a": "2", "b": "3"})
        one.storage.remove("gone")
        until(one.page, lambda: gate.held > 0)
        if reaches:
            gate.open()
        else:
            gate.drop()
        one.visit_again().settle()
        assert records() == one.storage.read() == {"a": "2", "b": "3"}

    def test_that_is_gone_to_and_come_back_to_goes_on(
        self, profile: Profile, writer: Writing, records: Records, tenant: Tenant, watch: Watch
    ) -> None:
        watch.expect_lost_requests()
        one = writer(profile, before={"a": "1"}).settle()
        other = writer(profile)
        one.storage.write({"b": "just before going"})
        one.page.goto(f"{tenant.origin}/bare.html")
        other.storage.write({"c": "meanwhile"})
        one.page.go_back()
        one.page.wait_for_function("window.migration")
        one.install()
        one.storage.write({"d": "after coming back"})
        one.settle()
        until(one.page, lambda: records() == one.storage.read())
        assert records() == {"a": "1", "b": "just before going", "c": "meanwhile", "d": "after coming back"}

    # Only there can a page be frozen from outside.
    @pytest.mark.parametrize("engine", ["chromium"], indirect=True)
    def test_frozen_and_thawed_knows_what_happened_meanwhile(
        self, new_profile: Callable[[], Profile], writer: Writing, records: Records, watch: Watch
    ) -> None:
        watch.expect_lost_requests()
        mine, theirs = new_profile(), new_profile()
        one = writer(mine, before={"a": "1"}).settle()
        elsewhere = writer(theirs).settle()
        elsewhere.holds({"a": "1"})
        protocol = mine.context.new_cdp_session(one.page)
        one.page.evaluate("localStorage.setItem('b', 'just before')")
        protocol.send("Page.setWebLifecycleState", {"state": "frozen"})
        elsewhere.storage.write({"a": "meanwhile"})
        elsewhere.settle()
        protocol.send("Page.setWebLifecycleState", {"state": "active"})
        one.holds({"a": "meanwhile", "b": "just before"})
        one.settle()
        assert records() == {"a": "meanwhile", "b": "just before"}


class TestAServer:
    def test_killed_under_a_page_that_writes_has_everything_in_the_end(
        self, profile: Profile, writer: Writing, records: Records, stack: Stack, watch: Watch
    ) -> None:
        watch.expect_lost_requests()
        one = writer(profile, before={"a": "1"}).settle()
        one.page.evaluate(
            "() => { let n = 0; window.writer = setInterval(() => localStorage.setItem('k' + (n % 7), `${n++}`), 5); }"
        )
        stack.kill("web")
        stack.wait_ready("web")
        one.page.evaluate("clearInterval(window.writer)")
        one.settle()
        assert records() == one.storage.read()
        assert len(records()) == 8

    def test_that_disables_the_app_leaves_the_page_alone(
        self, profile: Profile, writer: Writing, records: Records, console: Console, tenant: Tenant, watch: Watch
    ) -> None:
        watch.expect_lost_requests()
        one = writer(profile, before={"a": "1"}).settle()
        one.page.evaluate("() => { migration.on('revoked', ({ code }) => (window.revoked = code)); }")
        console.run(_ACTIVE, key=tenant.key, active=False)
        try:
            one.storage.write({"a": "2"})
            until(one.page, lambda: one.page.evaluate("window.revoked"))
            assert one.page.evaluate("window.revoked") == "app_disabled"
            assert one.storage.read() == {"a": "2"}
            assert records() == {"a": "1"}
        finally:
            console.run(_ACTIVE, key=tenant.key, active=True)
        one.visit_again().settle()
        assert records() == {"a": "2"}


class TestSomebodyElse:
    def test_who_signs_in_is_sent_nothing_until_the_page_says_so(
        self, profile: Profile, writer: Writing, ledger: Ledger, backend: Backend, watch: Watch
    ) -> None:
        watch.expect(r"status of 401")
        one = writer(profile, before={"a": "anna's"}).settle()
        anna, berta = backend.user, f"berta-{uuid4().hex[:8]}"
        one.page.evaluate("() => { migration.on('ownerChanged', () => (window.changed = true)); }")
        backend.signed_in = False
        backend.age_token(0)
        until(one.page, backend.token_is_over)
        one.storage.write({"a": "written while nobody was signed in"})
        until(one.page, lambda: one.pending["paused"] == "unauthenticated")
        backend.user, backend.signed_in = berta, True
        until(one.page, lambda: one.pending["paused"] == "claimed_by_other")
        assert one.page.evaluate("window.changed")
        assert ledger.records(ledger.owner_of_account(anna)) == {"a": "anna's"}
        # Not even her name was told.
        with pytest.raises(LookupError):
            ledger.owner_of_account(berta)

        backend.user = anna
        backend.renew()
        one.settle()
        assert ledger.records(ledger.owner_of_account(anna)) == one.storage.read()
        with pytest.raises(LookupError):
            ledger.owner_of_account(berta)
