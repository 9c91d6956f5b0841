"""A host page on its own origin whose user is signed in: it brings its own client, and a token for each request."""

import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

from e2e.pages.panel import PanelPage
from e2e.pages.storage import LocalStorage

Provider = Callable[[bool], str | None]


class AccountPage:
    """A page that makes the client itself and hands it to a panel."""

    def __init__(self, page: Page, origin: str, *, provider: Provider, options: dict[str, Any]) -> None:
        self.page = page
        self._origin = origin
        self.panel = PanelPage(page)
        self.storage = LocalStorage(page)
        page.expose_function("issueToken", provider)
        page.add_init_script(f"window.clientOptions = {json.dumps(options)}")

    def prepare(self) -> "AccountPage":
        """Go to the origin without our script: for putting things into its storage."""
        self.page.goto(f"{self._origin}/bare.html")
        return self

    def open(self) -> "AccountPage":
        """Go to the page with the SDK."""
        self.page.goto(f"{self._origin}/account.html")
        return self

    def call(self, method: str, *arguments: object) -> Any:
        """Call one of the client's methods and return what it answers."""
        return self.page.evaluate(
            "([method, args]) => window.migration[method](...args).then((found) => JSON.parse(JSON.stringify(found)))",
            [method, list(arguments)],
        )

    def migrate(self, **options: object) -> dict[str, Any]:
        """Run a migration to its end and return the result."""
        result: dict[str, Any] = self.page.evaluate(
            """async (options) => {
                const run = await window.migration.startMigration(options);
                const { receipt, run: snapshot, ...result } = await run.done;
                return JSON.parse(JSON.stringify(result));
            }""",
            options,
        )
        return result
