"""Hears all a page complains of: uncaught errors, console errors, refused policies, crashes, our own warnings."""

import re

from playwright.sync_api import ConsoleMessage, Page

OURS = "migration-progress"


class Watch:
    """What the pages of one test complained of. A test names beforehand what it is going to cause."""

    def __init__(self) -> None:
        self._heard: list[str] = []
        self._expected: list[re.Pattern[str]] = []

    def over(self, page: Page) -> None:
        """Listen to a page from now on."""
        page.on("pageerror", lambda error: self._heard.append(f"uncaught: {error}"))
        page.on("crash", lambda _: self._heard.append("the page crashed"))
        page.on("console", self._on_console)

    def expect(self, *patterns: str) -> None:
        """Name complaints this test causes on purpose."""
        self._expected += [re.compile(pattern) for pattern in patterns]

    def expect_lost_requests(self) -> None:
        """Browsers log requests that fail or are refused; a test that cuts the line causes them."""
        self.expect(
            r"Failed to load resource",
            r"net::ERR_",
            r"WebSocket connection",
            r"can.t establish a connection to the server at ws",
            r"connection to ws:.* was interrupted",
            r"Cross-Origin Request Blocked",
            r"The Same Origin Policy .* did not succeed",
        )

    @property
    def complaints(self) -> list[str]:
        """What nobody expected."""
        return [heard for heard in self._heard if not any(pattern.search(heard) for pattern in self._expected)]

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error" or (message.type == "warning" and OURS in message.text):
            where = message.location.get("url", "")
            self._heard.append(f"console {message.type}: {message.text} at {where}")
