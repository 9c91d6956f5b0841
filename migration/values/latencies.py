"""Latencies as a histogram whose parts can be added: places grow by 2^¼, so a quantile is at most a fifth too high."""

from collections.abc import Iterable, Mapping
from math import ceil, log2

PLACES = 96
"""From 1 ms to four hours."""


def place_of(ms: float) -> int:
    """Return the place of a latency; the last one takes whatever is longer."""
    return 0 if ms <= 1 else min(PLACES - 1, ceil(4 * log2(ms)))


def upper_ms(place: int) -> float:
    """Return the longest latency of a place."""
    return float(2 ** (place / 4))


def merged(histograms: Iterable[Mapping[int, int]]) -> dict[int, int]:
    """Return the sum of histograms."""
    total: dict[int, int] = {}
    for one in histograms:
        for place, count in one.items():
            total[place] = total.get(place, 0) + count
    return total


def quantile(histogram: Mapping[int, int], share: float) -> float | None:
    """Return a latency that `share` of all are not above, in ms; None of nothing. Never below the true one."""
    count = sum(histogram.values())
    if not count:
        return None
    rank, below = max(1, ceil(share * count)), 0
    for place in sorted(histogram):
        below += histogram[place]
        if below >= rank:
            return upper_ms(place)
    raise AssertionError("unreachable")
