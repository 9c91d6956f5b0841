"""How many deletions of one device are taken before a person must have confirmed them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Deletions:
    """What a device has deleted since the window began, and the number of the last deletion counted."""

    count: int = 0
    since: datetime | None = None
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether so many deletions are taken, why, and how the device stands with them."""

    taken: bool
    reason: str
    now: Deletions


def judge_deletions(seqs: Sequence[int], *, known: Deletions, limit: int, window: timedelta, at: datetime) -> Verdict:
    """Decide about deletions with these numbers. Pure.

    All of them or none: half of a `clear()` helps nobody. One that comes again, by its number, is not counted again.
    """
    new = [seq for seq in seqs if seq > known.seq]
    if not new:
        return Verdict(True, "they were counted before", known)
    over = known.since is None or at - known.since >= window
    count = len(new) + (0 if over else known.count)
    if count > limit:
        return Verdict(False, f"{count} keys deleted at once; more than {limit} need a person's word.", known)
    return Verdict(True, "within the limit", Deletions(count, at if over else known.since, max(new)))
