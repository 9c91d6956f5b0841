"""How the parts of the service are, each as a fact somebody can act on."""

from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any

from django.apps import apps
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from migration import dispatch, lifecycle
from migration.reports.fleet import last_fold

# How many chunks could be loaded now, and since when the oldest of them waits; a long queue is counted no further.
_QUEUE = """
SELECT count(*), min(stored_at) FROM (
    SELECT c.stored_at FROM migration_chunk c JOIN migration_migrationrun r ON r.id = c.run_id
    WHERE c.state = 'stored' AND r.state = 'transferring' AND NOT r.pause_wished
    ORDER BY c.id LIMIT 100000) waiting
"""


_INDEXES = """
SELECT c.relname, i.indisvalid FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
WHERE t.oid = to_regclass(t.relname) AND t.relname LIKE 'migration\\_%'
"""


@dataclass(frozen=True, slots=True)
class Queue:
    """How many chunks could be loaded now (counted up to 100,000), and how long the oldest has waited."""

    depth: int
    age_seconds: float


def database_milliseconds() -> float | None:
    """Return how long Postgres takes to answer; None when it does not."""
    began = perf_counter()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError):
        return None
    return round(1000 * (perf_counter() - began), 2)


def is_migrated() -> bool:
    """Tell whether the database has every migration this code knows."""
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def missing_indexes() -> list[str]:
    """Return the names of indexes the models declare that are not there, or are there and cannot be used."""
    models = apps.get_app_config("migration").get_models()
    declared = {one.name for model in models for one in model._meta.indexes}  # noqa: SLF001 - there is no other list
    with connection.cursor() as cursor:
        cursor.execute(_INDEXES)
        there = dict(cursor.fetchall())
    return sorted({*(declared - there.keys()), *(name for name, is_usable in there.items() if not is_usable)})


def queue(*, at: datetime) -> Queue:
    """Return what waits to be loaded."""
    with connection.cursor() as cursor:
        cursor.execute(_QUEUE)
        depth, oldest = cursor.fetchone()
    return Queue(depth, max(0.0, round((at - oldest).total_seconds(), 3)) if oldest else 0.0)


def clock_skew_seconds() -> float:
    """Return how far this process's clock is ahead of Postgres', at least: asking takes a while, the answer another."""
    with connection.cursor() as cursor:
        asked = timezone.now()
        cursor.execute("SELECT clock_timestamp()")
        (there,) = cursor.fetchone()
        answered = timezone.now()
    nearest: datetime = min(max(there, asked), answered)
    return round(float((nearest - there).total_seconds()), 3)


def sweep_age_seconds(*, at: datetime) -> float | None:
    """Return how long ago the sweeper last wrote down how things stand, which it does every minute; None for never."""
    swept = last_fold()
    return None if swept is None else max(0.0, round((at - swept).total_seconds(), 3))


def health(*, at: datetime) -> dict[str, Any]:
    """Return how the parts are: only Postgres down is `down`, Redis or workers missing is `degraded`."""
    latency, redis = database_milliseconds(), dispatch.redis_answers()
    if latency is None:
        return _health("down", latency, redis, 0, None, None)
    workers = lifecycle.count_workers()
    status = "ok" if redis and workers else "degraded"
    return _health(status, latency, redis, workers, queue(at=at), sweep_age_seconds(at=at))


def _health(
    status: str, latency: float | None, redis: bool, workers: int, waiting: Queue | None, swept: float | None
) -> dict[str, Any]:
    return {
        "status": status,
        "database": latency is not None,
        "database_ms": latency,
        "redis": redis,
        "workers": workers,
        "queue_depth": waiting.depth if waiting else None,
        "queue_age_seconds": waiting.age_seconds if waiting else None,
        "last_sweep_seconds": swept,
    }
