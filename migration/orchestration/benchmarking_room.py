"""The schema a measurement writes into: made for it, taken away behind it, and cleared up after one that was killed."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

TABLES = ("migration_record", "migration_record_version")
_PREFIX = "migration_benchmark_"
# Whoever measures holds a lock named like the schema; with its connection that goes too.
_LEFT_BEHIND = "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, %s)"
_FREE = "SELECT pg_try_advisory_lock(hashtext(%s))"
_LET_GO = "SELECT pg_advisory_unlock(hashtext(%s))"


@contextmanager
def scratch() -> Iterator[str]:
    """Make a schema of empty copies and yield its name; whatever killed measurements left goes first."""
    clear_up()
    schema = f"{_PREFIX}{secrets.token_hex(4)}"
    with connection.cursor() as cursor, _held(schema):
        cursor.execute(f'CREATE SCHEMA "{schema}"')
        try:
            for table in TABLES:
                cursor.execute(f'CREATE TABLE "{schema}".{table} (LIKE {table} INCLUDING ALL)')
            # All that loading asks of an owner is its lock and its revision.
            cursor.execute(f'CREATE TABLE "{schema}".migration_owner (id uuid PRIMARY KEY, revision bigint)')
            yield schema
        finally:
            cursor.execute(f'DROP SCHEMA "{schema}" CASCADE')


def clear_up() -> int:
    """Drop the schemas nobody measures in any more; return how many."""
    with connection.cursor() as cursor:
        cursor.execute(_LEFT_BEHIND, [_PREFIX])
        dropped = 0
        for (schema,) in cursor.fetchall():
            cursor.execute(_FREE, [schema])
            if cursor.fetchone()[0]:
                cursor.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')
                cursor.execute(_LET_GO, [schema])
                dropped += 1
    return dropped


@contextmanager
def _held(schema: str) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtext(%s))", [schema])
        try:
            yield
        finally:
            cursor.execute(_LET_GO, [schema])
