"""How fast a run moves and when it will be done. Pure; the window's two ends come from the run's row."""

from dataclasses import dataclass
from datetime import datetime

SHORTEST = 1.0
"""Seconds a pace is taken over at least: the first batch of a run would else promise anything."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Entries per second over the recent window, and the seconds left at that pace (None: nobody can tell)."""

    entries_per_second: float
    eta_seconds: float | None


STANDING = Pace(0.0, None)
DONE = Pace(0.0, 0.0)


def pace_of(*, done: int, total: int, since: datetime | None, done_then: int, at: datetime) -> Pace:
    """Return the pace of a run that had `done_then` of `total` entries at `since` and has `done` now, `at`."""
    if since is None:
        return STANDING
    rate = max(0, done - done_then) / max(SHORTEST, (at - since).total_seconds())
    if rate <= 0:
        return STANDING
    # Nothing left to load is not the end: more may come, and the verification will.
    left = total - done
    return Pace(round(rate, 1), round(left / rate, 1) if left > 0 else None)
