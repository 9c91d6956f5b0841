"""The demo: an app of notes and todos that knows only localStorage."""

import re

from playwright.sync_api import Locator, Page, expect

from e2e.pages.panel import PanelPage
from e2e.pages.storage import LocalStorage


class DemoPage:
    """The app, and the panel one script tag put into it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self._url = url
        self.panel = PanelPage(page)
        self.storage = LocalStorage(page)

    def open(self) -> "DemoPage":
        """Go there."""
        self.page.goto(f"{self._url}/")
        expect(self.page.get_by_role("heading", name="Daybook")).to_be_visible()
        return self

    def reload(self) -> None:
        """Visit again."""
        self.page.reload()
        expect(self.page.get_by_role("heading", name="Daybook")).to_be_visible()

    def stand_at_the_top(self) -> None:
        """Put the keyboard's focus on the page's first control."""
        # By script: Firefox presses no button by keyboard in a window that never had a focus of its own.
        self.page.get_by_label("Appearance").focus()

    def fill(self) -> None:
        """Press the button with sample data."""
        self.page.get_by_role("button", name="Fill with sample data").click()

    def fill_with_a_lot(self) -> None:
        """Press the button with more of it."""
        self.page.get_by_role("button", name="Fill with a lot").click()

    def add_todo(self, text: str) -> None:
        """Add a todo and see it."""
        self.page.get_by_label("New todo").fill(text)
        self.page.get_by_role("button", name="Add", exact=True).click()
        expect(self.todo(text)).to_be_visible()

    def delete_todo(self, text: str) -> None:
        """Delete a todo and see it gone."""
        self.page.get_by_role("button", name=f"Delete {text}", exact=True).click()
        expect(self.todo(text)).to_be_hidden()

    def add_note(self, title: str, body: str) -> None:
        """Write a note and see it."""
        self.page.get_by_label("Title").fill(title)
        self.page.get_by_label("Note", exact=True).fill(body)
        self.page.get_by_role("button", name="Keep note").click()
        expect(self.page.get_by_role("heading", name=title, exact=True)).to_be_visible()

    def todo(self, text: str) -> Locator:
        """Return the place of a todo."""
        return self.page.get_by_role("checkbox", name=text, exact=True)

    def summary(self) -> str:
        """Return the line below the app's name."""
        return self.page.get_by_text(re.compile(r"\d+ notes · ")).inner_text()
