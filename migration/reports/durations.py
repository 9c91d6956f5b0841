"""How long a run stood in each state, out of its timeline. Pure."""

from collections.abc import Iterable
from datetime import datetime


def durations_by_state(
    moves: Iterable[tuple[datetime, str]], *, first: str, since: datetime, until: datetime
) -> dict[str, float]:
    """Return seconds spent in each state: `first` from `since`, then each (moment, state) of `moves` in order."""
    spent: dict[str, float] = {}
    state, entered = first, since
    for moment, following in [*moves, (until, "")]:
        seconds = max(0.0, (moment - entered).total_seconds())
        spent[state] = round(spent.get(state, 0.0) + seconds, 3)
        state, entered = following, moment
    return spent
