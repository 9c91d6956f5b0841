"""What the README tells people to paste does what it says, in a page of their own."""

import re
from pathlib import Path

import pytest

from e2e.conftest import Profile
from e2e.host import PASTED
from e2e.ledger import Ledger
from e2e.pages import LocalStorage, PanelPage
from e2e.tenant import Backend, Tenant
from syncserver.stack import Stack

README = (Path(__file__).parent.parent / "README.md").read_text()
SECTION = README.partition("## Add it to your app in ten lines")[2].partition("\n## ")[0]
ENTRIES = {"note:1": '{"title":"kept"}', "note:2": "plain", "theme": "dark"}
HEAD = '<!doctype html><title>Mine</title><link rel="icon" href="data:,">'
# The page's only way to tell what came of it.
TELLING = "\nwindow.outcome = { canProceed, blockers, itemCount: plan.itemCount, ...result, run: null };"


def snippet(language: str, stack: Stack, tenant: Tenant) -> str:
    """Return the README's piece of code, with this stack's address and this app's key in their places."""
    found = re.search(rf"```{language}\n(.*?)```", SECTION, re.DOTALL)
    assert found, f"the README has no {language} snippet"
    return found[1].replace("https://sync.example.com", stack.url).replace("pk_…", tenant.key)


@pytest.mark.parametrize("engine", ["chromium"], indirect=True)
class TestSnippets:
    def test_the_script_tag_alone_moves_a_guest(
        self, profile: Profile, stack: Stack, tenant: Tenant, ledger: Ledger
    ) -> None:
        PASTED["/tag.html"] = f"{HEAD}<body><h1>Mine</h1>{snippet('html', stack, tenant)}</body>"
        page = profile.page()
        page.goto(f"{tenant.origin}/bare.html")
        LocalStorage(page).write(ENTRIES)
        page.goto(f"{tenant.origin}/tag.html")
        panel = PanelPage(page)
        panel.shows_offer()
        panel.move()
        panel.shows_receipt()
        assert ledger.records(ledger.run(panel.run_id()).owner) == ENTRIES

    def test_the_client_moves_a_signed_in_user(
        self, profile: Profile, stack: Stack, tenant: Tenant, backend: Backend, ledger: Ledger
    ) -> None:
        code = snippet("js", stack, tenant) + TELLING
        PASTED["/sdk/mine.html"] = f'{HEAD}<script type="module">{code}</script>'
        page = profile.page()
        page.route(f"{tenant.origin}/my/sync-token", lambda route: route.fulfill(body=backend.token()))
        page.goto(f"{tenant.origin}/bare.html")
        LocalStorage(page).write(ENTRIES)
        page.goto(f"{tenant.origin}/sdk/mine.html")
        page.wait_for_function("window.outcome", timeout=60_000)
        outcome = page.evaluate("window.outcome")
        assert (outcome["canProceed"], outcome["blockers"], outcome["itemCount"]) == (True, [], len(ENTRIES))
        assert outcome["ok"]
        assert outcome["receipt"]["statement"]["stored"]["entries"] == len(ENTRIES)
        assert ledger.records(ledger.owner_of_account(backend.user)) == ENTRIES
