"""Secrets stay: what is withheld reaches no table in any form."""

import json

import pytest

from e2e import browsers
from e2e.ledger import Ledger
from e2e.pages import DemoPage

CANARY = "kanarie7c1f0d52e9"
SECRETS = {
    "auth_token": f"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.{CANARY}signature",
    "user:password": CANARY,
    "settings:sync": json.dumps({"theme": "dark", "accessToken": f"{CANARY}0123456789abcdef"}),
    "cache:profile": f"https://anna:{CANARY}@example.com/feed",
}


class TestWithheldSecrets:
    @pytest.mark.parametrize("engine", browsers.FIREFOX_AT_LENGTH, indirect=True)
    def test_are_named_with_reasons_and_reach_no_table(self, demo: DemoPage, ledger: Ledger) -> None:
        demo.storage.write({**SECRETS, "note:1": '{"title":"plain"}'})
        demo.reload()
        demo.panel.shows_offer()
        assert set(demo.panel.withheld()) == set(SECRETS)
        assert all(why.startswith("looks like a") for why in demo.panel.withheld().values())

        demo.panel.move()
        demo.panel.shows_receipt()

        assert ledger.records(ledger.run(demo.panel.run_id()).owner) == {"note:1": '{"title":"plain"}'}
        assert ledger.tables_that_contain(CANARY) == []
        assert demo.panel.receipt()["Stayed in this browser"] == str(len(SECRETS))

    @pytest.mark.parametrize("engine", ["chromium"], indirect=True)
    def test_the_search_would_find_them(self, demo: DemoPage, ledger: Ledger) -> None:
        demo.storage.write({"note:harmless": "needle4b1d99c0"})
        demo.reload()
        demo.panel.shows_offer()
        demo.panel.move()
        demo.panel.shows_receipt()
        assert ledger.tables_that_contain("needle4b1d99c0") == ["migration_record"]
