"""What Postgres does not take in one piece is tried in smaller ones, until a single record is left: that one is told.

Every try is a savepoint, so nothing of what failed stays. Whatever is no fault of a record (no connection, no room, a
lock that was lost) is raised.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, NamedTuple, TypeVar

from django.db import DatabaseError, DataError, IntegrityError, NotSupportedError, ProgrammingError, transaction

from migration.loading.strategies import AT_ONCE, Strategy

NOT_TAKEN = (IntegrityError, DataError, ProgrammingError, NotSupportedError)
"""What Postgres answers when it is the rows that it does not take."""
One = TypeVar("One")


class NotTaken(NamedTuple, Generic[One]):
    """One record that Postgres refused by itself, and what it said."""

    one: One
    error: DatabaseError

    @property
    def why(self) -> str:
        """Why, without anything of the value: Postgres' own words quote it."""
        diagnosed = getattr(self.error.__cause__, "diag", None)
        code, constraint = getattr(diagnosed, "sqlstate", None), getattr(diagnosed, "constraint_name", None)
        return f"SQLSTATE {code}{f', constraint {constraint}' if constraint else ''}" if code else "no reason given"


def climb_down(
    records: Sequence[One], write: Callable[[Sequence[One]], None], *, way: Strategy = Strategy.UPSERT
) -> list[NotTaken[One]]:
    """Write records with `write`, as many at once as the way has; return those that were refused one by one.

    Raises what Postgres said when it took none of several: then it is not the records that are wrong.
    """
    step = 1 if way is Strategy.ROW else AT_ONCE
    refused = [one for first in range(0, len(records), step) for one in by_halves(records[first : first + step], write)]
    if len(refused) == len(records) > 1:
        raise refused[-1].error
    return refused


def by_halves(records: Sequence[One], write: Callable[[Sequence[One]], None]) -> list[NotTaken[One]]:
    """Write records with `write`; what Postgres does not take is narrowed down by halves and returned."""
    if not records:
        return []
    error = refusal_of(partial(write, records))
    if error is None:
        return []
    if len(records) == 1:
        return [NotTaken(records[0], error)]
    half = len(records) // 2
    return by_halves(records[:half], write) + by_halves(records[half:], write)


def refusal_of(write: Callable[[], None]) -> DatabaseError | None:
    """Try in a savepoint; return what Postgres said where it did not take the rows."""
    try:
        with transaction.atomic():
            write()
    except NOT_TAKEN as error:
        return error
    return None
