"""What is large gives way to what is small, for a moment: a small user waits for nobody's archive of notes.

The moment is short, so that even what comes after ever so many small ones has its turn. And while several apps are
about, what is large of one app is loaded by one worker at a time, piece by piece: an app that floods does not keep all
of them, and none for long.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

SMALL_ENTRIES = 1_000
"""Up to here a chunk, or a run, gives way to nobody."""
PATIENCE = timedelta(seconds=1)
"""So long what is larger lets others go first."""
ABOUT = timedelta(seconds=10)
"""So long an app is about after something of it was loaded."""


class Company:
    """The apps this process has loaded something of, and when it did so last."""

    def __init__(self) -> None:
        """Begin alone."""
        self._seen: dict[UUID, datetime] = {}

    def saw(self, app_ids: Iterable[UUID], *, at: datetime) -> None:
        """Note that something of these apps is loaded."""
        self._seen |= dict.fromkeys(app_ids, at)

    def about(self, at: datetime) -> list[UUID]:
        """Return the apps that are about; the others are forgotten."""
        self._seen = {app_id: seen for app_id, seen in self._seen.items() if seen > at - ABOUT}
        return list(self._seen)

    def most(self, entries: int, *, at: datetime) -> int:
        """Return how many entries to take at once, where it would be so many alone."""
        return min(entries, SMALL_ENTRIES) if len(self.about(at)) > 1 else entries


def haste(at: datetime) -> dict[str, Any]:
    """Return the parameters `small` and `since` of a claim at this time."""
    return {"small": SMALL_ENTRIES, "since": at - PATIENCE}
