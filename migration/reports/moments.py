"""Moments and the time between them, as reports write them. Pure."""

from datetime import datetime


def moment(at: datetime | None) -> str | None:
    """Return a moment as ISO 8601 in UTC."""
    return at.isoformat().replace("+00:00", "Z") if at else None


def seconds(start: datetime | None, end: datetime | None) -> float | None:
    """Return the time from `start` to `end`, never below nought; None while one of them is not known."""
    return None if start is None or end is None else round(max(0.0, (end - start).total_seconds()), 3)
