"""Statements a worker says again and again, prepared on the server: planning them takes longer than running them."""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from django.db import connection


def ask(statement: str, given: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run a prepared statement in the caller's transaction, or in one of its own, and return its rows.

    Django's own cursor fills parameters in on this side, so that each call is a statement of its own, and reads bytes
    as text of twice their size. Only for statements whose best plan does not depend on their parameters.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return list(cursor.execute(statement, given, prepare=True, binary=True))
