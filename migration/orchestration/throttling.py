"""Whether there is room for more work: looked at every few seconds by each process, remembered in between."""

import time
from threading import Lock

import structlog
from django.db import DatabaseError, InterfaceError

from migration.config import retune, setting
from migration.loading import ROOM, CircuitBreaker, Limits, ResourceManager, Verdict, read_all
from migration.progress import channel_breaker
from migration.states import BreakerState

log = structlog.get_logger(__name__)


class Throttle:
    """One process's memory of how much room there is. May be asked from any thread, outside of transactions."""

    def __init__(self) -> None:
        """Begin by believing that there is room."""
        self._lock = Lock()
        self.forget()

    def forget(self) -> None:
        """Look anew when next asked."""
        self._verdict, self._looked_at = ROOM, float("-inf")
        self._breaker = CircuitBreaker()

    @property
    def breaker(self) -> BreakerState:
        """How this process takes Postgres to be: open, it is left alone for a while; half open, it is asked again."""
        return self._breaker.asked(now=time.monotonic()).state

    def verdict(self) -> Verdict:
        """Return how much room there is, looking anew when the last look is too old. Settings are read anew with it."""
        retune()
        every, now = float(setting("ROOM_SECONDS")), time.monotonic()
        if not every:
            return ROOM
        due = now - self._looked_at >= every and self.breaker != BreakerState.OPEN
        if due and self._lock.acquire(blocking=False):
            try:
                self._looked_at = now
                self._look()
            finally:
                self._lock.release()
        return self._verdict

    def _look(self) -> None:
        before, breaker = self._verdict, self._breaker.asked(now=time.monotonic())
        try:
            self._verdict = ResourceManager(limits()).judge(read_all())
        except (DatabaseError, InterfaceError):
            self._verdict = ROOM  # whoever works now finds out by itself that Postgres is away
            self._breaker = breaker.failed(now=time.monotonic())
        else:
            self._breaker = breaker.succeeded()
        if before.throttles != self._verdict.throttles:
            log.warning("throttle_changed", cause=self._verdict.cause, reason=self._verdict.reason)


def limits() -> Limits:
    """Return the limits the settings ask for."""
    return Limits(
        memory_share=setting("ROOM_MEMORY_SHARE"),
        process_bytes=setting("ROOM_PROCESS_BYTES"),
        cpu_share=setting("ROOM_CPU_SHARE"),
        disk_free_bytes=setting("ROOM_DISK_BYTES"),
        connections_share=setting("ROOM_CONNECTIONS_SHARE"),
        commit_seconds=setting("ROOM_COMMIT_SECONDS"),
        lag_seconds=setting("ROOM_LAG_SECONDS"),
        queue_seconds=setting("ROOM_QUEUE_SECONDS"),
    )


throttle = Throttle()


def breakers() -> dict[str, str]:
    """Return how this process takes what it depends on to be: `closed`, `open` or `half_open`."""
    return {"postgres": throttle.breaker.value, "redis": channel_breaker().value}
