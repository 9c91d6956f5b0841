"""A scope: every statement in it runs under the tenant's role, and its transaction knows the app and the owner.

Role and settings are local to a transaction (`set_config(…, true)`) and travel in front of its first statement, in the
same message: they cost no round trip, and nothing of them can be left on a connection that goes back to the pool.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import connection
from psycopg.pq import TransactionStatus

from migration.values.questions import Question
from migration.walls.standing import role_to_take
from migration.walls.tables import APP_SETTING, OWNER_SETTING


class NotScopable(RuntimeError):
    """This kind of statement cannot begin a transaction inside a scope."""


@contextmanager
def scoped(*, app_id: UUID, owner_id: UUID) -> Iterator[None]:
    """Run what follows, in this thread, as one owner of one app: no other row exists for it. Scopes do not nest."""
    said = _said(role_to_take(), app_id=str(app_id), owner_id=str(owner_id))
    prefix = _set(said)
    with connection.execute_wrapper(_Prefixed(prefix, said)):
        if _status() == TransactionStatus.INTRANS:
            _say(prefix)
        try:
            yield
        finally:
            # A scope that was opened inside somebody's transaction leaves it as it found it.
            if _status() == TransactionStatus.INTRANS:
                _say(_set(_said("none", app_id="", owner_id="")))


class _Prefixed:
    """Django's hook around each statement: what begins a transaction says first for whom it works."""

    def __init__(self, prefix: str, said: Sequence[tuple[str, str]]) -> None:
        self._prefix = prefix
        settings = (f"set_config(${2 * place + 1}, ${2 * place + 2}, true)" for place in range(len(said)))
        self.asked_first = Question("SELECT " + ", ".join(settings), [part for pair in said for part in pair])

    def __call__(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        cursor = context["cursor"]
        if _status() != TransactionStatus.IDLE:
            return execute(sql, params, many, context)
        if many or not isinstance(sql, str) or getattr(cursor.cursor, "name", None):
            raise NotScopable(NotScopable.__doc__)
        result = execute(f"{self._prefix};{sql}", params, many, context)
        cursor.nextset()  # the first result is the prefix's own
        return result


def _said(role: str | None, *, app_id: str, owner_id: str) -> list[tuple[str, str]]:
    return [*([("role", role)] if role else []), (APP_SETTING, app_id), (OWNER_SETTING, owner_id)]


def _set(said: Sequence[tuple[str, str]]) -> str:
    # Ids are UUIDs and the role is a setting of ours, so they may stand in the text.
    return "SELECT " + ", ".join(f"set_config('{name}', '{value}', true)" for name, value in said)


def _status() -> TransactionStatus:
    """Where the connection stands; one that is not open yet will begin idle."""
    if connection.connection is None:
        return TransactionStatus.IDLE
    status: TransactionStatus = connection.connection.info.transaction_status
    return status


def _say(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
