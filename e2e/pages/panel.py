"""The panel `<migration-progress>`, as a person uses it."""

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, expect

from e2e.waiting import until

# An idle two-core machine needs a second or two; a loaded one with a restarted server far more.
PATIENCE = 60_000.0


class PanelPage:
    """What the panel shows and what its buttons do."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._host = page.locator("migration-progress")
        self._title = self._host.get_by_role("heading", level=2)

    # --- what it shows ----------------------------------------------------------------------------------------

    def shows(self, title: str, *, timeout: float = PATIENCE) -> None:
        """Wait until this is the heading (a regular expression)."""
        expect(self._title).to_have_text(re.compile(title), timeout=timeout)

    def shows_offer(self) -> None:
        """Wait for the plan."""
        self.shows("lives? only in this browser")
        expect(self._host.get_by_role("button", name=re.compile(r"^Move \d"))).to_be_enabled(timeout=PATIENCE)

    def shows_receipt(self, *, timeout: float = PATIENCE) -> None:
        """Wait until the move is done."""
        self.shows("Your data is on the server", timeout=timeout)

    def shows_error(self, text: str) -> None:
        """Wait until these plain words are there."""
        expect(self._host.get_by_text(re.compile(text)).first).to_be_visible(timeout=PATIENCE)

    def is_absent(self) -> bool:
        """Whether the page has no panel to be seen."""
        return not self._host.is_visible()

    def collections(self) -> dict[str, int]:
        """Return how many items were found, by name."""
        rows = self._host.get_by_role("row").all()[1:]
        cells = [row.get_by_role("cell").all_inner_texts() for row in rows]
        return {name.split("\n")[0]: _number(count) for name, count, _ in cells}

    def withheld(self) -> dict[str, str]:
        """Return what stays in the browser, and why."""
        summary = self._host.get_by_text(re.compile(r"stays? in this browser$"))
        if not summary.count():
            return {}
        summary.click()
        lines = self._host.locator("details").get_by_role("listitem").all_inner_texts()
        return dict(_pair(line) for line in lines)

    def estimate(self) -> str:
        """Return the sentence about how long it takes."""
        return self._host.get_by_text(re.compile("^Takes about")).inner_text()

    def receipt(self) -> dict[str, str]:
        """Return the receipt's lines."""
        terms = self._host.locator("dt").all_inner_texts()
        return dict(zip(terms, self._host.locator("dd").all_inner_texts(), strict=True))

    def counts(self) -> tuple[int, int]:
        """Return how many items are done, and of how many."""
        done, _, total = self._host.get_by_text(re.compile(r"\d of [\d,]+ items$")).inner_text().partition(" of ")
        return _number(done), _number(total)

    def percentage(self) -> int:
        """Return how far it is."""
        return int(self._bar.get_attribute("aria-valuenow", timeout=PATIENCE) or 0)

    def waits_for_percentage(self, least: int) -> None:
        """Wait until the bar is at least here."""
        until(self._page, lambda: self.percentage() >= least)

    def preview(self) -> list[str]:
        """Return what undoing would do."""
        self.shows("Undo this move")
        return self._host.get_by_role("listitem").all_inner_texts()

    # --- what it does -----------------------------------------------------------------------------------------

    def move(self) -> None:
        """Press the one button."""
        self._press(r"^Move \d")

    def move_changes(self) -> None:
        """Move what the page wrote since the last receipt, and see it begin."""
        before = self.run_id()
        self._press("^Move what changed$")
        self.waits_for(lambda status: status["migrationId"] not in (None, before))

    def move_by_keyboard(self) -> None:
        """Reach the button by the tabulator alone and press it."""
        button = self._host.get_by_role("button", name=re.compile(r"^Move \d"))
        for _ in range(200):
            if button.evaluate("button => button.getRootNode().activeElement === button"):
                self._page.keyboard.press("Enter")
                return
            self._page.keyboard.press("Tab")
        raise AssertionError("the button cannot be reached by the keyboard")

    def pause(self) -> None:
        """Pause, and see it paused: the panel says so at once and tells the server only then."""
        self._press("^Pause$")
        self.shows("^Paused$")
        self.waits_for(lambda status: status["run"]["paused"])

    def go_on(self) -> None:
        """Go on after a pause."""
        self._press("^Go on$")

    def cancel(self, then: Callable[[], None] = lambda: None) -> None:
        """Cancel, do something `then`, and see it cancelled."""
        self._press("^Cancel$")
        then()
        self.shows("^Cancelled$")

    def ask_to_undo(self) -> list[str]:
        """Ask what undoing would do."""
        self._press("^Undo…$")
        return self.preview()

    def undo(self) -> None:
        """Undo after the preview, and see it undone."""
        self._press("^Undo the move$")
        self.shows("The move was undone")

    def bring_back(self) -> None:
        """Undo the undoing."""
        self._press("^Bring it back$")
        self.shows_receipt()

    def restore(self) -> None:
        """Restore the offered backup."""
        self.shows("This browser is empty; the server is not")
        self._press(r"^Restore \d")
        self.shows("(items are|item is) back")

    def reload_to_see(self) -> None:
        """Press the button that reloads the page."""
        with self._page.expect_event("domcontentloaded"):
            self._press("^Reload$")

    # --- what only the client knows -----------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Return the client's status."""
        found: dict[str, Any] = self._page.evaluate(
            "JSON.parse(document.querySelector('migration-progress').client.exportProgressData())"
        )
        return found

    def run_id(self) -> str:
        """Return the id of the run under way, once there is one."""
        return str(until(self._page, lambda: self.status()["migrationId"]))

    def waits_for(self, what: Callable[[dict[str, Any]], bool]) -> None:
        """Wait until `what` is true of the client's status."""
        until(self._page, lambda: what(self.status()))

    @property
    def _bar(self) -> Locator:
        return self._host.get_by_role("progressbar")

    def _press(self, name: str) -> None:
        self._host.get_by_role("button", name=re.compile(name)).click(timeout=PATIENCE)


def _number(text: str) -> int:
    return int(re.sub(r"\D", "", text))


def _pair(line: str) -> tuple[str, str]:
    key, _, why = line.partition(" — ")
    return key, why
