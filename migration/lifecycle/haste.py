"""What is large gives way to what is small, for a moment: a small user waits for nobody's archive of notes.

The moment is short, so that even what comes after ever so many small ones has its turn. And while several apps are
about, what is large of one app is loaded by one worker at a time, piece by piece: an app that floods does not keep all
of them, and none for long. Where processors are short, each of them rests in between and has time for what is small.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

SMALL_ENTRIES = 1_000
"""Up to here a chunk, or a run, gives way to nobody."""
PATIENCE = timedelta(seconds=1)
"""So long what is larger lets others go first."""
ABOUT = timedelta(seconds=10)
"""So long an app is about after something of it was loaded."""
REST = 3
"""So many times as long as a round with something large in it has taken, a worker leaves alone what is large."""


class Company:
    """The apps this process has loaded something of, and when it did so last. Not to be shared by threads."""

    def __init__(self) -> None:
        """Begin alone."""
        self._seen: dict[UUID, datetime] = {}
        self._large_since: datetime | None = None
        self._rests_until = datetime.min.replace(tzinfo=UTC)

    def saw(self, loads: Iterable[tuple[UUID, int]], *, at: datetime) -> None:
        """Note what a round begun at this time loads: apps, and how many entries of each at a time."""
        listed = list(loads)
        self._seen |= dict.fromkeys((app_id for app_id, _ in listed), at)
        self._large_since = at if any(entries > SMALL_ENTRIES for _, entries in listed) else None

    def about(self, at: datetime) -> list[UUID]:
        """Return the apps that are about; the others are forgotten."""
        self._seen = {app_id: seen for app_id, seen in self._seen.items() if seen > at - ABOUT}
        return list(self._seen)

    def most(self, entries: int, *, at: datetime) -> int:
        """Return how many entries to take at once, where it would be so many alone."""
        return min(entries, SMALL_ENTRIES) if self._is_several(at) else entries

    def deserves_rest(self, at: datetime) -> bool:
        """Tell whether the round before had something large in it, and several apps are about."""
        return self._large_since is not None and self._is_several(at)

    def rest(self, at: datetime) -> None:
        """Begin to leave alone what is large: for longer than the round before took, and a second at most."""
        self._rests_until = at + min(REST * (at - (self._large_since or at)), PATIENCE)

    def rests(self, at: datetime) -> bool:
        """Tell whether what is large is to be left alone."""
        return at < self._rests_until

    def _is_several(self, at: datetime) -> bool:
        return len(self.about(at)) > 1


def haste(at: datetime) -> dict[str, Any]:
    """Return the parameters `small` and `since` of a claim at this time."""
    return {"small": SMALL_ENTRIES, "since": at - PATIENCE}
