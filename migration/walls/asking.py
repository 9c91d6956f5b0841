"""Several questions in one round trip: waiting for an answer costs both sides more than most answers do.

They are prepared: planned once a session, which takes many times longer than running them. So they are only for
statements whose best plan does not depend on their parameters.
"""

from collections.abc import Sequence
from typing import Any

import psycopg
from django.db import connection
from psycopg.pq import TransactionStatus

from migration.values.questions import Question
from migration.walls.scope import current_scope

Rows = list[tuple[Any, ...]]


def ask(question: Question) -> Rows:
    """Ask one question in the caller's transaction, or in one of its own, outside of any scope."""
    connection.ensure_connection()
    with connection.wrap_database_errors:
        return _said(question).fetchall()


def ask_together(questions: Sequence[Question]) -> list[Rows]:
    """Ask all of them in the caller's transaction, in their order, and return the rows of each.

    Each sees what those before it did. Where the transaction begins with them, a scope says first for whom it works.
    """
    connection.ensure_connection()
    scope = current_scope() if connection.connection.info.transaction_status == TransactionStatus.IDLE else None
    with connection.wrap_database_errors:
        with connection.connection.pipeline():
            asked = [_said(question) for question in ([scope, *questions] if scope else questions)]
        return [cursor.fetchall() for cursor in asked[1 if scope else 0 :]]


def _said(question: Question) -> "psycopg.RawCursor[tuple[Any, ...]]":
    cursor = psycopg.RawCursor(connection.connection)
    return cursor.execute(question.text, question.given, prepare=True, binary=True)
