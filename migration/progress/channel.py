"""The way to the sockets: Redis PUBLISH, in the form channels_redis' pub/sub layer reads.

The layer's own `group_send` is a coroutine: from a synchronous worker each call would make an event loop and a
connection of its own (measured 3 ms against 0.1 ms here, DECISIONS.md). So this side of the channel is a plain
client that publishes what the layer would have published; an integration test holds the two together.

Nobody waits for Redis' answer to a message, which only says how many heard it. Redis may be down or frozen at any
time. Then a message is given up within MIGRATION_REDIS_TIMEOUT and nothing is tried for a moment, so that a worker is
not slowed by each event. Sockets look into Postgres by themselves.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import structlog
from channels.layers import get_channel_layer
from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import RedisError
from redis.retry import Retry

from migration.config import setting
from migration.states import BreakerState

PAUSE = 2.0
"""Seconds without an attempt after Redis failed."""

log = structlog.get_logger(__name__)


class _Line:
    """A connection on which Redis answers nothing, shared by this process's threads."""

    def __init__(self, redis: "Redis") -> None:
        self._connection: Any = redis.connection_pool.make_connection()
        self._lock = threading.Lock()

    def send(self, commands: Sequence[tuple[str | bytes, ...]]) -> int:
        """Send commands, on a new connection if the last was closed; return how many. Raises RedisError."""
        with self._lock:
            if not self._is_open():
                self._connection.disconnect()
                self._connection.connect()
                self._connection.send_command("CLIENT", "REPLY", "OFF", check_health=False)
            packed = self._connection.pack_commands(commands)
            self._connection.send_packed_command(packed, check_health=False)
        return len(commands)

    def _is_open(self) -> bool:
        """Whatever there is to read on it, an end most likely, it is not what it should be."""
        try:
            return bool(self._connection.is_connected) and not self._connection.can_read(timeout=0)
        except NotConnected:
            return False


class Channel:
    """One process's way to the sockets. Its methods never raise for a Redis that is not well."""

    def __init__(self, url: str, prefix: str) -> None:
        """Connect lazily; `prefix` is the channel layer's."""
        patience = setting("REDIS_TIMEOUT")
        self._prefix = prefix
        self._resume_at = 0.0
        self._redis = Redis.from_url(
            url,
            socket_timeout=patience / 2,
            socket_connect_timeout=patience / 2,
            # Once: a connection that went stale while Redis was restarted is no reason to lose a message.
            retry=Retry(NoBackoff(), 1, supported_errors=(NotConnected,)),
        )
        self._line = _Line(self._redis)

    @property
    def breaker(self) -> BreakerState:
        """How this process takes Redis to be: open, nothing is sent for a moment; half open, the next message tries."""
        if not self._resume_at:
            return BreakerState.CLOSED
        return BreakerState.OPEN if time.monotonic() < self._resume_at else BreakerState.HALF_OPEN

    def listened_to(self, groups: Sequence[str]) -> set[str]:
        """Return those groups somebody listens to; none while Redis is away."""
        if not groups:
            return set()
        names = [self._name(group) for group in groups]
        counts = self._try(lambda: self._redis.pubsub_numsub(*names)) or []
        return {group for group, (_, count) in zip(groups, counts, strict=False) if count}

    def publish(self, messages: Sequence[tuple[str, Mapping[str, Any]]]) -> bool:
        """Send (group, message) pairs; tell whether they went out."""
        layer: Any = get_channel_layer()
        said = [("PUBLISH", self._name(group), layer.serialize(dict(message))) for group, message in messages]
        return self._try(lambda: self._line.send(said)) is not None

    def _name(self, group: str) -> str:
        return f"{self._prefix}__group__{group}"

    def _try(self, act: Any) -> Any:
        if time.monotonic() < self._resume_at:
            return None
        try:
            answer = act()
        except (RedisError, OSError) as error:
            self._resume_at = time.monotonic() + PAUSE
            log.warning("progress_not_sent", error=type(error).__name__, pause_seconds=PAUSE)
            return None
        self._resume_at = 0.0
        return answer


@cache
def channel() -> Channel:
    """Return this process's channel, to the first host of the default channel layer."""
    layer: Any = settings.CHANNEL_LAYERS["default"]
    config = layer.get("CONFIG", {})
    return Channel(config.get("hosts", [settings.REDIS_URL])[0], config.get("prefix", "asgi"))


def channel_breaker() -> BreakerState:
    """Return how this process takes Redis to be, as far as its messages to sockets go."""
    return channel().breaker
