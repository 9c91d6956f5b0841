"""Is it alive, is it ready, how is it."""

import os
from datetime import datetime
from typing import Any

import django_rq
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from redis.exceptions import RedisError

from migration.api.configuration import VERSION
from migration.lifecycle import count_workers


def readiness() -> dict[str, Any]:
    """Return whether requests can be served; `token` tells a starter that it is its own server that answers."""
    database = _database_answers()
    migrated = database and _is_migrated()
    return {
        "ready": database and migrated,
        "database": database,
        "migrated": migrated,
        "token": os.environ.get("MIGRATION_READY_TOKEN", ""),
    }


def health(*, at: datetime) -> dict[str, Any]:
    """Return how the parts are: only Postgres down is `down`, Redis or workers missing is `degraded`."""
    database, redis = _database_answers(), _redis_answers()
    workers = count_workers() if database else 0
    status = "down" if not database else "ok" if redis and workers else "degraded"
    return {
        "status": status,
        "database": database,
        "redis": redis,
        "workers": workers,
        "queue_age_seconds": _queue_age(at) if database else None,
        "version": VERSION,
    }


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError):
        return False
    return True


def _is_migrated() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _redis_answers() -> bool:
    try:
        return bool(django_rq.get_connection("default").ping())
    except RedisError:
        return False


def _queue_age(at: datetime) -> float:
    """How long the oldest chunk that could be loaded has waited."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT min(c.stored_at) FROM migration_chunk c JOIN migration_migrationrun r ON r.id = c.run_id
               WHERE c.state = 'stored' AND r.state = 'transferring' AND NOT r.pause_wished"""
        )
        row = cursor.fetchone()
    return max(0.0, round((at - row[0]).total_seconds(), 3)) if row and row[0] else 0.0
