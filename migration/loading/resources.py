"""ResourceManager: whether there is room for more work, and if not, for want of what. Pure.

Every cause is a pressure: what is taken over what may be. The highest of all wins and names itself.
"""

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from migration.loading.monitor import Readings

_HINT = 0.8
"""From this pressure on clients are asked to take their time, though nothing is refused."""
_LONGEST = 60.0
"""Seconds anybody is asked to wait at most."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be taken of everything; 0: that cause is not looked at."""

    memory_share: float = 0.0
    process_bytes: int = 0
    cpu_share: float = 0.0
    disk_free_bytes: int = 0
    connections_share: float = 0.0
    commit_seconds: float = 0.0
    lag_seconds: float = 0.0
    queue_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """The strictest cause, its pressure (1: the limit), how long to wait because of it, and all that in words."""

    cause: str = ""
    pressure: float = 0.0
    wait_seconds: float = 0.0
    reason: str = "there is room"

    @property
    def throttles(self) -> bool:
        """Whether no more work is to be taken now."""
        return self.pressure >= 1

    @property
    def hints(self) -> bool:
        """Whether whoever brings work should bring it more slowly."""
        return self.pressure >= _HINT


ROOM = Verdict()


class Priority(StrEnum):
    """How work that nobody waits for stands to browsers, who share the machine with it."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


_NO_HURRY_HELPS = frozenset({"memory_of_machine", "memory_of_process", "disk"})
"""Causes even the most urgent work waits for: going on would end it."""


def gives_way(verdict: Verdict, priority: Priority) -> bool:
    """Say whether work of this priority waits.

    Low: as soon as browsers are asked to take their time. Normal: when they are put off. High: only where memory or
    disk is at its end.
    """
    if priority is Priority.LOW:
        return verdict.hints
    return verdict.throttles and (priority is Priority.NORMAL or verdict.cause in _NO_HURRY_HELPS)


class ResourceManager:
    """Holds readings to limits."""

    def __init__(self, limits: Limits) -> None:
        """Keep the limits."""
        self._limits = limits

    def judge(self, readings: Readings) -> Verdict:
        """Return what is tightest."""
        causes = [_verdict(*one) for one in self._pressures(readings)]
        return max(causes, key=lambda one: one.pressure, default=ROOM)

    def _pressures(self, now: Readings) -> list[tuple[str, float, str]]:
        limits = self._limits
        measured: list[tuple[str, float | None, float, str]] = [
            ("memory_of_machine", now.memory_share, limits.memory_share, "of the machine's memory is taken"),
            ("memory_of_process", now.process_bytes, limits.process_bytes, "bytes of memory has this process"),
            ("processor", now.cpu_share, limits.cpu_share, "of all cores is at work"),
            ("connections", now.connections_share, limits.connections_share, "of Postgres' connections is taken"),
            ("commits", now.commit_seconds, limits.commit_seconds, "s takes a commit"),
            ("replica", now.lag_seconds, limits.lag_seconds, "s is a replica behind"),
            ("queue", now.queue_seconds, limits.queue_seconds, "s has the oldest chunk waited"),
        ]
        found = [
            (cause, value / limit, f"{value:.4g} {words}, {limit:.4g} at most")
            for cause, value, limit, words in measured
            if value is not None and limit
        ]
        free = now.disk_free_bytes
        if free is not None and limits.disk_free_bytes:
            words = f"{free} bytes are free on the disk, {limits.disk_free_bytes} at least"
            found.append(("disk", limits.disk_free_bytes / max(free, 1), words))
        return found


def jittered(seconds: float, random: Random) -> int:
    """Return whole seconds, at least 1, spread by a half: who was refused together does not come back together."""
    return max(1, round(min(seconds, _LONGEST) * (0.75 + random.random() / 2)))


def _verdict(cause: str, pressure: float, words: str) -> Verdict:
    if pressure < _HINT:
        return Verdict(cause, pressure, 0.0, f"there is room: {words}")
    # At the limit 2 s, at twice the limit 8 s: steeply, because whoever waits too little makes it worse.
    return Verdict(cause, pressure, min(_LONGEST, 2.0 * pressure**2), words)
