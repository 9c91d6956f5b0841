"""One RQ job that says "there is work", deduplicated only against bells that are still queued.

The job carries no work and no ids: what to do stands in Postgres. With Redis down nothing rings, nothing fails,
and nothing is lost.
"""

from functools import cache
from typing import Any

import django_rq
import structlog
from django.db import transaction
from redis.exceptions import RedisError

QUEUE = "default"
JOB = "migration.jobs.work"
_FLAG = "migration:bell"
_FLAG_SECONDS = 60

log = structlog.get_logger(__name__)


def ring(*, after_commit: bool = True) -> None:
    """Wake a worker once the current transaction has committed (at once outside of one). Never raises."""
    if after_commit:
        transaction.on_commit(_ring_now, robust=True)
    else:
        _ring_now()


def ring_anyway() -> None:
    """Wake a worker after the commit unless a bell is queued, whatever the flag says. Never raises.

    The flag outlives a worker that died between taking a bell and answering it. The sweeper looks at the queue itself.
    """
    transaction.on_commit(_ring_unless_queued, robust=True)


def answered() -> None:
    """Say that a bell left the queue: the next ring enqueues again. Called before work is looked for."""
    try:
        _queue().connection.delete(_FLAG)
    except RedisError as error:
        log.warning("bell_not_cleared", error=type(error).__name__)


def redis_answers() -> bool:
    """Tell whether Redis answers right now."""
    try:
        return bool(_queue().connection.ping())
    except RedisError:
        return False


@cache
def _queue() -> Any:
    """The queue with one pool of connections for the process; asking django-rq each time connects each time."""
    return django_rq.get_queue(QUEUE)


def _ring_now() -> None:
    try:
        queue = _queue()
        if queue.connection.set(_FLAG, 1, nx=True, ex=_FLAG_SECONDS):
            _enqueue(queue)
    except RedisError as error:
        log.warning("bell_not_rung", error=type(error).__name__)


def _ring_unless_queued() -> None:
    try:
        queue = _queue()
        if not queue.count:
            queue.connection.set(_FLAG, 1, ex=_FLAG_SECONDS)
            _enqueue(queue)
    except RedisError as error:
        log.warning("bell_not_rung", error=type(error).__name__)


def _enqueue(queue: Any) -> None:
    queue.enqueue(JOB, result_ttl=0, failure_ttl=3600, job_timeout=-1)
