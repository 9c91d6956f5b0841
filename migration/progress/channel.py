"""The way to the sockets: Redis PUBLISH, in the form channels_redis' pub/sub layer reads.

The layer's own `group_send` is a coroutine: from a synchronous worker each call would make an event loop and a
connection of its own (measured 3 ms against 0.1 ms here, DECISIONS.md). So this side of the channel is a plain
client that publishes what the layer would have published; an integration test holds the two together.

Redis may be down or frozen at any time. Then a message is given up within MIGRATION_REDIS_TIMEOUT and nothing is
tried for a moment, so that a worker is not slowed by each event. Sockets look into Postgres by themselves.
"""

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
        """Send (group, message) pairs in one round trip; tell whether they went out."""
        layer: Any = get_channel_layer()
        named = [(self._name(group), layer.serialize(dict(message))) for group, message in messages]
        if len(named) == 1:  # most often, and half the price of a pipeline
            return self._try(lambda: self._redis.publish(*named[0])) is not None
        pipe = self._redis.pipeline(transaction=False)
        for name, said in named:
            pipe.publish(name, said)
        return self._try(pipe.execute) is not None

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
