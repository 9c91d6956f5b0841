"""How often one owner may call and one address may open guest sessions.

Counted by a script inside Redis, so that no two requests see the same count. Without Redis each process counts for
itself: the limit is then as many times larger as there are processes, which is better than none.
"""

import threading
import time
from functools import cache
from typing import Any
from uuid import UUID

import django_rq
from redis.exceptions import RedisError

from migration.config import setting
from migration.errors import RateLimited

WINDOW_SECONDS = 60
_PATIENCE_SECONDS = 5.0
_MOST_REMEMBERED = 10_000

# One window per key: counts up to the limit and answers 0, then the seconds until the window ends.
_TAKE = """
local taken = redis.call('INCR', KEYS[1])
if taken == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if taken <= tonumber(ARGV[1]) then return 0 end
local left = redis.call('PTTL', KEYS[1])
if left < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) left = tonumber(ARGV[2]) end
return math.max(1, math.ceil(left / 1000))
"""


class ProcessWindows:
    """The same windows in this process's memory."""

    def __init__(self) -> None:
        """Begin with nothing counted."""
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[float, int]] = {}

    def take(self, key: str, *, limit: int, now: float) -> int:
        """Count one; return 0, or the seconds to wait."""
        with self._lock:
            if len(self._windows) >= _MOST_REMEMBERED:
                self._windows = {name: window for name, window in self._windows.items() if window[0] > now}
            ends, taken = self._windows.get(key, (0.0, 0))
            if ends <= now:
                ends, taken = now + WINDOW_SECONDS, 0
            self._windows[key] = (ends, taken + 1)
        return 0 if taken < limit else max(1, int(ends - now + 0.999))


class Limiter:
    """Counts in Redis; after a failure there, in this process for a few seconds before trying again."""

    def __init__(self) -> None:
        """Begin by believing in Redis."""
        self._here = ProcessWindows()
        self._doubted_until = 0.0

    def forget(self) -> None:
        """Believe in Redis again and count anew in this process."""
        self._here, self._doubted_until = ProcessWindows(), 0.0

    def take(self, key: str, *, limit: int) -> int:
        """Count one; return 0, or the seconds to wait."""
        if time.monotonic() >= self._doubted_until:
            try:
                return int(_script()(keys=[f"migration:limit:{key}"], args=[limit, WINDOW_SECONDS * 1000]))
            except RedisError:
                self._doubted_until = time.monotonic() + _PATIENCE_SECONDS
        return self._here.take(key, limit=limit, now=time.monotonic())


@cache
def _script() -> Any:
    """The script with one pool of connections for the process; asking django-rq each time connects each time."""
    return django_rq.get_connection("default").register_script(_TAKE)


limiter = Limiter()


def spend_request(*, owner_id: UUID) -> None:
    """Count a request of an owner. Raises RateLimited."""
    _spend(f"owner:{owner_id}", int(setting("REQUESTS_PER_MINUTE")))


def spend_guest_session(*, address: str) -> None:
    """Count a guest session opened from an address. Raises RateLimited."""
    _spend(f"guests:{address}", int(setting("GUEST_SESSIONS_PER_MINUTE")))


def _spend(key: str, limit: int) -> None:
    wait = limiter.take(key, limit=limit)
    if wait:
        raise RateLimited(retry_after=wait)
