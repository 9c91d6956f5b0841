"""A host page whose user is signed in: it brings its own client, and a token for each request."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Route

from e2e.pages.panel import PanelPage
from e2e.pages.storage import LocalStorage

HOST = Path(__file__).parent.parent / "hosts" / "account.html"
# Served under the stack's own origin, which is the one the app allows.
PATH = "/account/"

Provider = Callable[[bool], str | None]


class AccountPage:
    """A page that makes the client itself and hands it to a panel."""

    def __init__(self, page: Page, url: str, *, provider: Provider, options: dict[str, Any] | None = None) -> None:
        self.page = page
        self._url = url
        self.panel = PanelPage(page)
        self.storage = LocalStorage(page)
        page.route(re.compile(re.escape(PATH) + "$"), self._serve)
        page.expose_function("issueToken", provider)
        page.add_init_script(f"window.clientOptions = {json.dumps(options or {})}")

    def prepare(self) -> "AccountPage":
        """Go to the origin without our script: for putting things into its storage."""
        self.page.goto(f"{self._url}{PATH}?bare")
        return self

    def open(self) -> "AccountPage":
        """Go to the page with the SDK."""
        self.page.goto(f"{self._url}{PATH}")
        return self

    def call(self, method: str, *arguments: object) -> Any:
        """Call one of the client's methods and return what it answers."""
        return self.page.evaluate(
            "([method, args]) => window.migration[method](...args).then((answer) => JSON.parse(JSON.stringify(answer)))",
            [method, list(arguments)],
        )

    def migrate(self, **options: object) -> dict[str, Any]:
        """Run a migration to its end and return the result."""
        result: dict[str, Any] = self.page.evaluate(
            """async (options) => {
                const run = await window.migration.startMigration(options);
                return JSON.parse(JSON.stringify(await run.done));
            }""",
            options,
        )
        return result

    def _serve(self, route: Route) -> None:
        route.fulfill(status=200, content_type="text/html; charset=utf-8", body=HOST.read_text())
