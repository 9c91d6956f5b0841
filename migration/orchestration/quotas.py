"""Quotas: what an owner, and an app as a whole, may send in a day and keep stored.

Counted in the transaction that stores: the counter's row is locked from here to its commit, so of many requests at
once exactly as many pass as there is room for, and what was not stored was not counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from migration.config import limit_of
from migration.errors import OverQuota
from migration.values.questions import Question, Statement

STORED_RETRY_SECONDS = 3_600
"""What is stored does not go with time; whoever is told to wait may ask again after this."""

_USE = Statement("""
INSERT INTO migration_usage AS u (app_id, owner_id, day, bytes, entries, runs)
VALUES (%(app)s::uuid, %(owner)s::uuid, %(day)s::date, %(bytes)s::bigint, %(entries)s::bigint, %(runs)s::bigint),
       (%(app)s::uuid, %(owner)s::uuid, NULL, %(stored)s::bigint, %(entries)s::bigint, %(runs)s::bigint)
ON CONFLICT (app_id, owner_id, day) DO UPDATE SET bytes = u.bytes + excluded.bytes,
    entries = u.entries + excluded.entries, runs = u.runs + excluded.runs
RETURNING day IS NULL, bytes, entries, runs
""")
_USE_OF_APP = "SELECT * FROM migration_use_of_app(%(app)s, %(day)s, %(bytes)s, %(entries)s, %(runs)s, %(stored)s)"
_PER_DAY = ("BYTES_PER_DAY", "ENTRIES_PER_DAY", "RUNS_PER_DAY")
_STORED = "STORED_BYTES"


@dataclass(frozen=True, slots=True)
class Use:
    """What a request would use: payload bytes once inflated, entries, runs begun.

    `kept` says whether the payload stays as a backup beside the records; an op does not.
    """

    bytes: int = 0
    entries: int = 0
    runs: int = 0
    kept: bool = True


def spending(use: Use, *, app_id: UUID, owner_id: UUID, at: datetime) -> Question:
    """Return the question that counts what an owner uses; `hold` judges the answer."""
    return _USE.of(_said(use, app_id, owner_id, at))


def hold(
    used: Sequence[tuple[Any, ...]],
    use: Use,
    *,
    app_id: UUID,
    limits: Mapping[str, Any],
    owner_id: UUID,
    is_guest: bool,
    at: datetime,
) -> None:
    """Hold the owner to its quota and, where the app has one of its own, the app.

    The counter's row stays locked until the transaction ends. Raises OverQuota (with `limit`, its name).
    """
    _hold(_by_span(used), "GUEST" if is_guest else "ACCOUNT", limits, at=at)
    if any(limit_of(limits, f"APP_{name}") for name in (*_PER_DAY, _STORED)):
        with connection.cursor() as cursor:
            cursor.execute(_USE_OF_APP, _said(use, app_id, owner_id, at))
            _hold(_by_span(cursor.fetchall()), "APP", limits, at=at)


def _said(use: Use, app_id: UUID, owner_id: UUID, at: datetime) -> dict[str, Any]:
    stored = use.bytes if use.kept else 0
    counted = {"bytes": use.bytes, "entries": use.entries, "runs": use.runs, "stored": stored}
    return {"app": app_id, "owner": owner_id, "day": at.astimezone(UTC).date(), **counted}


def _by_span(rows: Sequence[tuple[Any, ...]]) -> dict[bool, tuple[int, ...]]:
    """Return what is used with this, of the day (False) and stored in all (True): bytes, entries, runs."""
    return {is_total: tuple(used) for is_total, *used in rows}


def _hold(used: Mapping[bool, tuple[int, ...]], whose: str, limits: Mapping[str, Any], *, at: datetime) -> None:
    counted = [*zip(_PER_DAY, used[False], strict=True), (_STORED, used[True][0])]
    for name, amount in counted:
        most = limit_of(limits, f"{whose}_{name}")
        if most and amount > most:
            wait = STORED_RETRY_SECONDS if name == _STORED else _until_tomorrow(at)
            raise OverQuota(retry_after=wait, limit=f"{whose}_{name}".lower())


def _until_tomorrow(at: datetime) -> int:
    """Return the seconds until the day ends, in UTC."""
    now = at.astimezone(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return max(1, int((midnight - now).total_seconds() + 0.999))
