"""Requests a process has counted beforehand: most of a busy owner's need no question to Redis."""

import threading
from collections.abc import Iterable, Mapping

_MOST_REMEMBERED = 10_000


class Advances:
    """What is left of each key's advance, until its window ends."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, int]] = {}

    def draw(self, keys: Iterable[str], *, now: float) -> list[str]:
        """Take one from each key's advance; return the keys that have none."""
        with self._lock:
            left = {key: self._left.get(key, (0.0, 0)) for key in keys}
            drawn = {key: (ends, count - 1) for key, (ends, count) in left.items() if count and ends > now}
            self._left |= drawn
        return [key for key in left if key not in drawn]

    def put(self, counts: Mapping[str, int], *, ends: Mapping[str, float], now: float) -> None:
        """Add to keys' advances what was counted for them, or what was drawn in vain; `ends` says until when it holds.

        A key `ends` does not name has a window already.
        """
        with self._lock:
            if len(self._left) >= _MOST_REMEMBERED:
                self._left = {key: one for key, one in self._left.items() if one[0] > now and one[1]}
            for key, count in counts.items():
                known_until, left = self._left.get(key, (0.0, 0))
                until = ends.get(key, known_until)
                self._left[key] = (until, count + (left if known_until > now else 0))
