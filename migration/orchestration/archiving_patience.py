"""Long work outlives Postgres: what is cut off is begun again where it was, more and more rarely, until time is up."""

import time
from collections.abc import Callable

import structlog
from django.db import InterfaceError, OperationalError, connection

from migration.config import setting
from migration.errors import Unavailable
from migration.loading import CircuitBreaker
from migration.orchestration.archiving_pieces import Standing, Tell
from migration.states import BreakerState

log = structlog.get_logger(__name__)
_SETTLED = 10.0
"""Seconds after which a failure begins a new series."""


def patiently(attempt: Callable[[], object], standing: Standing, *, tell: Tell | None) -> Standing:
    """Do what can be done again, as long as Postgres comes back within MIGRATION_ARCHIVE_PATIENCE; return `standing`.

    It is told how the breaker stands. What never began, so that `standing` knows no work, is not tried again. Raises
    Unavailable when time is up, and whatever else `attempt` raises.
    """
    breaker, lost_at = CircuitBreaker(), 0.0
    while True:
        began = time.monotonic()
        try:
            attempt()
        except (OperationalError, InterfaceError) as error:
            now = time.monotonic()
            if now - began > _SETTLED or not breaker.failures:
                breaker, lost_at = breaker.succeeded(), now
            if standing.job_id is None or now - lost_at > setting("ARCHIVE_PATIENCE"):
                raise Unavailable("Postgres cannot be reached; run again, the work goes on where it was.") from error
            connection.close()
            breaker = breaker.failed(now=now)
            log.warning("postgres_away", error=type(error).__name__, breaker=breaker.state, wait=breaker.wait)
            _hear(standing, breaker, tell)
            time.sleep(breaker.left(now=now))
            asked = breaker.asked(now=time.monotonic())
            if asked.state != breaker.state:
                _hear(standing, asked, tell)
            breaker = asked
        else:
            return standing


def _hear(standing: Standing, breaker: CircuitBreaker, tell: Tell | None) -> None:
    standing.lost += breaker.state != BreakerState.HALF_OPEN
    standing.breaker = breaker.state
    if tell:
        tell(standing)
