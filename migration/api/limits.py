"""How often an owner, an app and an address may call, and how often an address may open guest sessions or fail to.

Counted by a script inside Redis, so that no two requests see the same count. While much is left it counts a few
requests more than asked for, and the process that asked answers those by itself: a limit is never exceeded, and a
process that is not called again leaves a part of it unused, at most a 64th and at most 63 requests. Without Redis each
process counts for itself: the limit is then as many times larger as there are processes, which is better than none.
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

from migration.api.advances import Advances
from migration.config import counter_key, limit_of, setting
from migration.errors import RateLimited, Unauthenticated

WINDOW_SECONDS = 60
_PATIENCE_SECONDS = 5.0
_MOST_REMEMBERED = 10_000

_SHARE, _MOST_AT_ONCE = 64, 64
"""Counted at once: of what is left one in so many, and never more than so many."""

# One window per key. Counts in each, unless one of them is full: then in none, and the answer is the seconds until
# that one ends. What was refused takes nothing from the others. Else the answer is, key by key, how many requests were
# counted and the milliseconds until its window ends.
_TAKE = f"""
local used = {{}}
for i, key in ipairs(KEYS) do
    used[i] = tonumber(redis.call('GET', key) or '0')
    if used[i] >= tonumber(ARGV[i + 1]) then
        local left = redis.call('PTTL', key)
        if left < 0 then redis.call('PEXPIRE', key, ARGV[1]) left = tonumber(ARGV[1]) end
        return math.max(1, math.ceil(left / 1000))
    end
end
local told = {{}}
for i, key in ipairs(KEYS) do
    local count = math.max(1, math.min({_MOST_AT_ONCE}, math.floor((tonumber(ARGV[i + 1]) - used[i]) / {_SHARE})))
    if redis.call('INCRBY', key, count) == count then redis.call('PEXPIRE', key, ARGV[1]) end
    told[2 * i - 1], told[2 * i] = count, redis.call('PTTL', key)
end
return told
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
        self.forget()

    def forget(self) -> None:
        """Believe in Redis again and count anew in this process."""
        self._here, self._advances, self._doubted_until = ProcessWindows(), Advances(), 0.0

    def take(self, limits: Mapping[str, int]) -> int:
        """Count one under each key ({key: limit}); return 0, or the seconds to wait when one of them is full."""
        now = time.monotonic()
        if now >= self._doubted_until:
            missing = self._advances.draw(limits, now=now)
            try:
                wait = self._ask({key: limits[key] for key in missing}, now=now) if missing else 0
            except RedisError:
                self._doubted_until = time.monotonic() + _PATIENCE_SECONDS
            else:
                if wait:
                    self._advances.put({key: 1 for key in limits if key not in missing}, ends={}, now=now)
                return wait
        return self._here.take(limits, now=now)

    def _ask(self, limits: Mapping[str, int], *, now: float) -> int:
        """Have Redis count under each key; keep what it counted beforehand. Raises RedisError."""
        told = _script()(keys=_names_in_redis(limits), args=[WINDOW_SECONDS * 1000, *limits.values()])
        if not isinstance(told, list):
            return int(told)
        counted = {key: int(count) - 1 for key, count in zip(limits, told[::2], strict=True)}
        ends = {key: now + int(left) / 1000 for key, left in zip(limits, told[1::2], strict=True)}
        self._advances.put({key: count for key, count in counted.items() if count}, ends=ends, now=now)
        return 0


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
