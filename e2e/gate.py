"""Holds requests back on their way to the server, so that a test stands surely in the middle of something."""

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Route

CHUNKS = re.compile(r"/api/v1/runs/[^/]+/chunks/")
API = re.compile(r"/api/v1/")


class Gate:
    """Lets the first `passing` requests through and holds the others until it is opened."""

    def __init__(self, context: BrowserContext, pattern: re.Pattern[str] = CHUNKS, *, passing: int = 0) -> None:
        self._context = context
        self._pattern = pattern
        self._passing = passing
        self._held: list[Route] = []
        self.seen = 0
        self.passed = 0
        context.route(pattern, self._on_request)

    @property
    def held(self) -> int:
        """How many requests wait."""
        return len(self._held)

    def open(self) -> None:
        """Let everything through, what waits first."""
        self._passing = 10**9
        waiting, self._held = self._held, []
        for route in waiting:
            self._go_on(route)

    def drop(self) -> None:
        """Forget what waits (its page is gone) and let what comes through."""
        self._passing = 10**9
        self._held = []

    def remove(self) -> None:
        """Let requests go their own way again."""
        self._context.unroute(self._pattern, self._on_request)

    def _on_request(self, route: Route) -> None:
        self.seen += 1
        if self.passed < self._passing:
            self._go_on(route)
        else:
            self._held.append(route)

    def _go_on(self, route: Route) -> None:
        self.passed += 1
        route.continue_()


def counting(context: BrowserContext, pattern: re.Pattern[str]) -> Callable[[], int]:
    """Count requests that match; returns how many there were so far."""
    count = 0

    def on_request(request: object) -> None:
        nonlocal count
        count += bool(pattern.search(getattr(request, "url", "")))

    context.on("request", on_request)
    return lambda: count
