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
    connection.ensure_connection()
    link = connection.connection
    between = link.pgconn.transaction_status == TransactionStatus.IDLE
    first = _asked_first() if between else None
    with connection.wrap_database_errors:
        found = exchange(link, [first, *questions] if first else questions, begins=between and not link.autocommit)
    return found[1:] if first else found


def _asked_first() -> Question | None:
    """Return what has to be said first in every transaction of this connection.

    Whoever wraps a connection's statements to that end (a scope does) leaves it on its wrapper as `asked_first`.
    """
    found = (getattr(wrapper, "asked_first", None) for wrapper in connection.execute_wrappers)
    return next(filter(None, found), None)
