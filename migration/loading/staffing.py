"""How many workers there should be, by what waits and how busy the machine is. Pure."""

from dataclasses import dataclass

_PATIENCE = 2.0
"""Seconds the oldest chunk may wait before one more worker is worth its start."""
_IDLE = 60.0
"""Seconds without anything waiting after which one worker less is enough."""


@dataclass(frozen=True, slots=True)
class Load:
    """How long the oldest chunk has waited, for how long nothing has, and the share of cores at work."""

    queue_seconds: float
    idle_seconds: float
    cpu_share: float


@dataclass(frozen=True, slots=True)
class Staff:
    """How many workers there should be, and why."""

    workers: int
    reason: str


def staff(load: Load, *, workers: int, least: int, most: int, cpu_threshold: float) -> Staff:
    """Return how many workers there should be where there are `workers` now: one more, one less, or as many.

    `cpu_threshold` is the share of all cores beyond which no worker is added, and one is let go.
    """
    if workers < least:
        return Staff(least, f"{least} at least")
    if workers > most:
        return Staff(most, f"{most} at most")
    if load.cpu_share > cpu_threshold:
        fewer = max(least, workers - 1)
        return Staff(fewer, f"{100 * load.cpu_share:.0f} % of all cores are at work, {100 * cpu_threshold:.0f} at most")
    if load.queue_seconds > _PATIENCE:
        more = min(most, workers + 1)
        return Staff(more, f"the oldest chunk has waited {load.queue_seconds:.1f} s" + _bound(more == workers, most))
    if load.idle_seconds > _IDLE:
        fewer = max(least, workers - 1)
        return Staff(fewer, f"nothing has waited for {load.idle_seconds:.0f} s" + _bound(fewer == workers, least))
    return Staff(workers, "what waits is soon taken")


def _bound(is_reached: bool, bound: int) -> str:
    return f", but {bound} is as far as it goes" if is_reached else ""
