"""One transaction for several statements, without a savepoint where the caller has begun one already."""

from contextlib import AbstractContextManager, nullcontext

from django.db import connection, transaction


def together() -> AbstractContextManager[None]:
    """Make what follows part of the caller's transaction, or of one of its own where there is none.

    A savepoint costs two round trips. Use this where whoever fails half-way lets the whole transaction go.
    """
    return nullcontext() if connection.in_atomic_block else transaction.atomic()
