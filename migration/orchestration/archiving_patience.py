"""Long work outlives Postgres: what is cut off is begun again where it was, more and more rarely, until time is up."""

import time
from collections.abc import Callable
from typing import TypeVar

import structlog
from django.db import InterfaceError, OperationalError, connection

from migration.config import setting
from migration.errors import Unavailable
from migration.loading import CircuitBreaker

log = structlog.get_logger(__name__)
Result = TypeVar("Result")
_SETTLED = 10.0
"""Seconds after which a failure begins a new series."""


def patiently(
    attempt: Callable[[], Result], *, begun: Callable[[], bool], tell: Callable[[CircuitBreaker], None]
) -> Result:
    """Do what can be done again, as long as Postgres comes back within MIGRATION_ARCHIVE_PATIENCE.

    `begun` says whether anything was done before: what never began is not tried again. `tell` hears how the breaker
    stands. Raises Unavailable when time is up, and whatever else `attempt` raises.
    """
    breaker, lost_at = CircuitBreaker(), 0.0
    while True:
        began = time.monotonic()
        try:
            return attempt()
        except (OperationalError, InterfaceError) as error:
            now = time.monotonic()
            if now - began > _SETTLED or not breaker.failures:
                breaker, lost_at = breaker.succeeded(), now
            if not begun() or now - lost_at > setting("ARCHIVE_PATIENCE"):
                raise Unavailable("Postgres cannot be reached; run again, the work goes on where it was.") from error
            connection.close()
            breaker = breaker.failed(now=now)
            log.warning("postgres_away", error=type(error).__name__, breaker=breaker.state, wait=breaker.wait)
            tell(breaker)
            time.sleep(breaker.left(now=now))
            asked = breaker.asked(now=time.monotonic())
            if asked.state != breaker.state:
                tell(asked)
            breaker = asked
