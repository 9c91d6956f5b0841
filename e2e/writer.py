"""A tab with dual write, as its host page and the server see it."""

from typing import Any

from e2e.pages import AccountPage
from e2e.waiting import until

# What is asked of a read is which side answers, not how fast: a slow server is no absent one.
OPTIONS = {"withoutPanel": True, "rescanInterval": 0, "syncInterval": 1000, "retryDelay": 1000, "readTimeout": 20_000}


class Writer:
    """A tab with dual write."""

    def __init__(self, tab: AccountPage) -> None:
        self.tab = tab
        self.page = tab.page
        self.storage = tab.storage

    def install(self) -> "Writer":
        """Switch dual write on."""
        assert self.tab.call("install") == {"ok": True}
        return self

    def settle(self) -> "Writer":
        """Wait until the server has everything."""
        assert self.tab.call("whenSynced") == {"ok": True}
        return self

    def visit_again(self) -> "Writer":
        """Load the page anew and switch dual write on."""
        self.tab.open()
        return self.install()

    def holds(self, entries: dict[str, str], *, seconds: float = 30) -> None:
        """Wait until the storage is just that."""
        until(self.page, lambda: self.storage.read() == entries, seconds=seconds)

    @property
    def pending(self) -> dict[str, Any]:
        """What the server does not have yet."""
        told: dict[str, Any] = self.page.evaluate("window.migration.pending")
        return told
