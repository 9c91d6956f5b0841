"""Waiting for something outside of a page, while the browser's own events go on being handled."""

from collections.abc import Callable
from time import monotonic
from typing import Any

from playwright.sync_api import Page

PATIENCE = 60.0
LOOK_MS = 50


def until(page: Page, what: Callable[[], Any], *, seconds: float = PATIENCE) -> Any:
    """Look again and again until `what` answers something true, and return that; raises TimeoutError.

    Between two looks Playwright gets to run: held and passed requests are handled in this very thread. (Its own
    `wait_for_function` needs `eval`, which the demo's policy refuses.)
    """
    deadline = monotonic() + seconds
    while not (answer := what()):
        if monotonic() > deadline:
            raise TimeoutError(f"still not so after {seconds} s: {what.__qualname__}")
        page.wait_for_timeout(LOOK_MS)
    return answer
