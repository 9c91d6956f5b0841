"""How this process, this machine and Postgres are doing right now. It reads; `resources` judges."""

import os
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import psutil
from django.db import DatabaseError, connection

# Writes a few bytes of log and nothing else, so that what is measured is a commit, the disk included.
_COMMIT = "SELECT pg_logical_emit_message(true, 'migration', '')"
_QUEUE = """
SELECT extract(epoch FROM now() - min(stored_at))::float FROM (
    SELECT c.stored_at FROM migration_chunk c JOIN migration_migrationrun r ON r.id = c.run_id
    WHERE c.state = 'stored' AND r.state = 'transferring' AND NOT r.pause_wished
    ORDER BY c.app_id, c.id LIMIT 1000) waiting
"""
_DATABASE = f"""
SELECT (SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL)::float / current_setting('max_connections')::int,
       (SELECT extract(epoch FROM max(replay_lag)) FROM pg_stat_replication)::float,
       ({_QUEUE})
"""


@dataclass(frozen=True, slots=True)
class Readings:
    """Shares are of 1; None is what could not be read here."""

    memory_share: float = 0.0
    """Of the machine's memory, what is taken."""
    process_bytes: int = 0
    """Memory this process has now."""
    cpu_share: float = 0.0
    """Of all cores, what was at work since the last look."""
    disk_free_bytes: int | None = None
    """Where the temporary files of this process lie."""
    connections_share: float = 0.0
    """Of the connections Postgres allows, what is taken."""
    commit_seconds: float = 0.0
    """How long a commit of nothing takes."""
    lag_seconds: float | None = None
    """How far the slowest replica is behind."""
    queue_seconds: float = 0.0
    """How long the oldest chunk has waited to be loaded."""


def cpu_share() -> float:
    """Return the share of all cores that was at work since this process looked last; 0 at the first look."""
    return psutil.cpu_percent() / 100


def latency_seconds() -> float:
    """Return how long Postgres takes to answer to nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")  # the first may have to connect
        begun = perf_counter()
        cursor.execute("SELECT 1")
    return perf_counter() - begun


def commit_seconds() -> float:
    """Return how long Postgres takes to commit to nothing; outside of a transaction."""
    begun = perf_counter()
    try:
        with connection.cursor() as cursor:
            cursor.execute(_COMMIT)
    except DatabaseError:
        return latency_seconds()  # a role that may not write the log
    return perf_counter() - begun


def queue_seconds() -> float:
    """Return how long the oldest chunk has waited to be loaded. Raises DatabaseError."""
    with connection.cursor() as cursor:
        cursor.execute(_QUEUE)
        return cursor.fetchone()[0] or 0.0


def read_all() -> Readings:
    """Return how everything is doing; outside of a transaction. Raises DatabaseError."""
    with connection.cursor() as cursor:
        cursor.execute(_DATABASE)
        connections, lag, queue = cursor.fetchone()
    return Readings(
        memory_share=psutil.virtual_memory().percent / 100,
        process_bytes=psutil.Process().memory_info().rss,
        cpu_share=cpu_share(),
        disk_free_bytes=_disk_free(),
        connections_share=connections or 0.0,
        commit_seconds=commit_seconds(),
        lag_seconds=lag,
        queue_seconds=queue or 0.0,
    )


def _disk_free() -> int | None:
    folder = Path(os.environ.get("TMPDIR", "/tmp"))  # noqa: S108 - looked at, not written to
    try:
        return psutil.disk_usage(str(folder)).free
    except OSError:
        return None
