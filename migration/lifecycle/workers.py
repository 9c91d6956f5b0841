"""Workers' numbers. A worker holds a session advisory lock on its number, so Postgres itself tells who lives."""

from django.db import connection

from migration.config import setting
from migration.lifecycle.chunks import WORKER_LOCKS

_MINE = """SELECT objid::bigint FROM pg_locks
           WHERE locktype = 'advisory' AND classid = %s AND objsubid = 2 AND pid = pg_backend_pid() AND granted"""
_ALL = """SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND objsubid = 2 AND granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


def enlist() -> int:
    """Return the number of the worker this connection is, taking a new one when the connection is new.

    A worker that stalls in the middle of a batch keeps its owners locked; once its lease is over, Postgres ends
    that transaction for it. Temporary tables have no statistics, so their rows look costly enough to compile a
    query for; compiling takes longer than any of ours runs.
    """
    with connection.cursor() as cursor:
        cursor.execute(_MINE, [WORKER_LOCKS])
        row = cursor.fetchone()
        if row is None:
            cursor.execute("SELECT nextval('migration_worker_number')")
            row = cursor.fetchone()
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", [WORKER_LOCKS, row[0]])
            patience = f"{setting('LEASE_SECONDS')}s"
            cursor.execute(
                "SELECT set_config('idle_in_transaction_session_timeout', %s, false), set_config('jit', 'off', false)",
                [patience],
            )
    return int(row[0])


def count_workers() -> int:
    """Return how many workers hold a connection right now."""
    with connection.cursor() as cursor:
        cursor.execute(_ALL, [WORKER_LOCKS])
        return int(cursor.fetchone()[0])
