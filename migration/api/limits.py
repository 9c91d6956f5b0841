"""How often an owner, an app and an address may call, and how often an address may open guest sessions or fail to.

Counted by a script inside Redis, so that no two requests see the same count. Without Redis each process counts for
itself: the limit is then as many times larger as there are processes, which is better than none.
"""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from hashlib import blake2b
from typing import Any
from uuid import UUID

import django_rq
from redis.exceptions import RedisError

from migration.config import counter_key, limit_of, setting
from migration.errors import RateLimited, Unauthenticated

WINDOW_SECONDS = 60
_PATIENCE_SECONDS = 5.0
_MOST_REMEMBERED = 10_000

# One window per key. Counts one in each, unless one of them is full: then in none, and the answer is the seconds
# until that one ends. What was refused takes nothing from the others.
_TAKE = """
for i, key in ipairs(KEYS) do
    if tonumber(redis.call('GET', key) or '0') >= tonumber(ARGV[i + 1]) then
        local left = redis.call('PTTL', key)
        if left < 0 then redis.call('PEXPIRE', key, ARGV[1]) left = tonumber(ARGV[1]) end
        return math.max(1, math.ceil(left / 1000))
    end
end
for _, key in ipairs(KEYS) do
    if redis.call('INCR', key) == 1 then redis.call('PEXPIRE', key, ARGV[1]) end
end
return 0
"""


class ProcessWindows:
    """The same windows in this process's memory."""

    def __init__(self) -> None:
        """Begin with nothing counted."""
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[float, int]] = {}

    def take(self, limits: Mapping[str, int], *, now: float) -> int:
        """Count one under each key; return 0, or the seconds to wait when one of them is full."""
        with self._lock:
            self._forget_the_old(now)
            windows = {key: self._window(key, now) for key in limits}
            for key, (ends, taken) in windows.items():
                if taken >= limits[key]:
                    return _whole(ends - now)
            self._windows |= {key: (ends, taken + 1) for key, (ends, taken) in windows.items()}
        return 0

    def _window(self, key: str, now: float) -> tuple[float, int]:
        ends, taken = self._windows.get(key, (0.0, 0))
        return (ends, taken) if ends > now else (now + WINDOW_SECONDS, 0)

    def _forget_the_old(self, now: float) -> None:
        if len(self._windows) >= _MOST_REMEMBERED:
            self._windows = {name: window for name, window in self._windows.items() if window[0] > now}


class Limiter:
    """Counts in Redis; after a failure there, in this process for a few seconds before trying again."""

    def __init__(self) -> None:
        """Begin by believing in Redis."""
        self._here = ProcessWindows()
        self._doubted_until = 0.0

    def forget(self) -> None:
        """Believe in Redis again and count anew in this process."""
        self._here, self._doubted_until = ProcessWindows(), 0.0

    def take(self, limits: Mapping[str, int]) -> int:
        """Count one under each key ({key: limit}); return 0, or the seconds to wait when one of them is full."""
        if not limits:
            return 0
        if time.monotonic() >= self._doubted_until:
            keys = _names_in_redis(limits)
            try:
                return int(_script()(keys=keys, args=[WINDOW_SECONDS * 1000, *limits.values()]))
            except RedisError:
                self._doubted_until = time.monotonic() + _PATIENCE_SECONDS
        return self._here.take(limits, now=time.monotonic())


class Refused:
    """Addresses that brought too many bad credentials: until their window ends, no more of theirs are looked up."""

    def __init__(self) -> None:
        """Begin with none."""
        self._until: dict[str, float] = {}

    def add(self, address: str, *, seconds: int) -> None:
        """Remember an address for so long."""
        now = time.monotonic()
        if len(self._until) >= _MOST_REMEMBERED:
            self._until = {one: until for one, until in self._until.items() if until > now}
        self._until[address] = now + seconds

    def check(self, address: str) -> None:
        """Raise RateLimited for an address that is remembered."""
        left = self._until.get(address, 0.0) - time.monotonic()
        if left > 0:
            raise RateLimited(retry_after=_whole(left))


def _names_in_redis(keys: Iterable[str]) -> list[str]:
    """Name nobody: a counter ends with its minute, but the file Redis appends its commands to keeps its name."""
    secret = counter_key()
    return [f"migration:limit:{blake2b(key.encode(), key=secret, digest_size=16).hexdigest()}" for key in keys]


@cache
def _script() -> Any:
    """The script with one pool of connections for the process; asking django-rq each time connects each time."""
    return django_rq.get_connection("default").register_script(_TAKE)


limiter, refused = Limiter(), Refused()


def address_of(meta: Mapping[str, Any]) -> str:
    """Return the address a request comes from: the peer's, or what the trusted proxies in front say of it."""
    peer, trusted = str(meta.get("REMOTE_ADDR", "")), int(setting("TRUSTED_PROXIES"))
    said = [one.strip() for one in str(meta.get("HTTP_X_FORWARDED_FOR", "")).split(",") if one.strip()]
    if not trusted or not said:
        return peer
    # Each proxy adds whom it spoke with at the end; what stands before that, the client may have made up.
    return said[-min(trusted, len(said))][:64]


def spend_request(*, owner_id: UUID, is_guest: bool, app_id: UUID, own: Mapping[str, Any], address: str) -> None:
    """Count a request of an owner against the owner's, the app's and the address's limits. Raises RateLimited."""
    owners = limit_of(own, "GUEST_REQUESTS_PER_MINUTE" if is_guest else "REQUESTS_PER_MINUTE")
    _spend(
        {
            f"owner:{owner_id}": owners,
            f"app:{app_id}": limit_of(own, "APP_REQUESTS_PER_MINUTE"),
            f"address:{address}": int(setting("ADDRESS_REQUESTS_PER_MINUTE")),
        }
    )


def spend_guest_session(*, address: str) -> None:
    """Count a guest session opened from an address. Raises RateLimited."""
    _spend({f"guests:{address}": int(setting("GUEST_SESSIONS_PER_MINUTE"))})


@contextmanager
def refusals_of(address: str) -> Iterator[None]:
    """Count credentials of an address that do not hold; too many, and they are not even looked at for a while.

    Raises RateLimited, in the end instead of Unauthenticated.
    """
    refused.check(address)
    try:
        yield
    except Unauthenticated:
        try:
            _spend({f"refused:{address}": int(setting("ADDRESS_REFUSALS_PER_MINUTE"))})
        except RateLimited as error:
            refused.add(address, seconds=error.extras["retry_after"])
            raise
        raise


def _spend(limits: Mapping[str, int]) -> None:
    # 0 is no limit: what has none is not even counted.
    wait = limiter.take({key: limit for key, limit in limits.items() if limit})
    if wait:
        raise RateLimited(retry_after=wait)


def _whole(seconds: float) -> int:
    return max(1, int(seconds + 0.999))
