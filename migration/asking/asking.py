"""Questions on this thread's connection.

They are prepared: planned once a session, which takes many times longer than running them. So this is only for
statements whose best plan does not depend on their parameters. Django's own cursor fills parameters in on this side,
so that each call is a statement of its own, and reads bytes as text of twice their size.
"""

from collections.abc import Sequence

from django.db import connection
from psycopg.pq import TransactionStatus

from migration.asking.exchange import Rows, exchange
from migration.values.questions import Question


def ask(question: Question) -> Rows:
    """Ask one question in the caller's transaction, or in one of its own, and return its rows."""
    return ask_all([question])[0]


def ask_all(questions: Sequence[Question]) -> list[Rows]:
    """Ask all of them in the caller's transaction, or in one of their own, and return the rows of each.

    Each sees what those before it did. Raises Django's error of the first that failed.
    """
    between = is_between_transactions()
    link = connection.connection
    with connection.wrap_database_errors:
        return exchange(link, questions, begins=between and not link.autocommit)


def is_between_transactions() -> bool:
    """Tell whether the next statement begins a transaction."""
    connection.ensure_connection()
    return bool(connection.connection.pgconn.transaction_status == TransactionStatus.IDLE)
