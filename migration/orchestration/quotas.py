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
_OF_OWNER = """u.app_id = %(app)s::uuid AND u.owner_id = %(owner)s::uuid
    AND (u.day = %(day)s::date OR u.day IS NULL)"""
HAS_ROOM = f"""(
    SELECT count(*) = 2 AND bool_and(CASE
        WHEN u.day IS NULL THEN u.bytes + %(stored)s::bigint <= %(most_stored)s::bigint
        ELSE u.bytes + %(bytes)s::bigint <= %(most_bytes)s::bigint
            AND u.entries + %(entries)s::bigint <= %(most_entries)s::bigint
            AND u.runs + %(runs)s::bigint <= %(most_runs)s::bigint END)
    FROM (SELECT * FROM migration_usage u WHERE {_OF_OWNER} ORDER BY u.day FOR NO KEY UPDATE) u)"""
"""A condition of a statement of somebody else's: the owner has room. Its rows are there, and locked from here on.

They are locked in the order in which `spending` does, the day's first: two who wait for each other would fail.
"""
COUNTED = f"""counted AS (
    UPDATE migration_usage u SET bytes = u.bytes + CASE WHEN u.day IS NULL THEN %(stored)s ELSE %(bytes)s END,
        entries = u.entries + %(entries)s, runs = u.runs + %(runs)s
    FROM holds WHERE {_OF_OWNER}
)"""
"""A common table expression of the same statement: counts what the owner uses where `holds` has a row."""
_PER_DAY = ("BYTES_PER_DAY", "ENTRIES_PER_DAY", "RUNS_PER_DAY")
_STORED = "STORED_BYTES"
_NO_LIMIT = 2**62


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
    if _is_held(limits):
        with connection.cursor() as cursor:
            cursor.execute(_USE_OF_APP, _said(use, app_id, owner_id, at))
            _hold(_by_span(cursor.fetchall()), "APP", limits, at=at)


def holding(
    use: Use, *, app_id: UUID, limits: Mapping[str, Any], owner_id: UUID, is_guest: bool, at: datetime
) -> dict[str, Any] | None:
    """Return the parameters of `HAS_ROOM` and `COUNTED`; None where the app has a quota of its own to be held to."""
    if _is_held(limits):
        return None
    whose = "GUEST" if is_guest else "ACCOUNT"
    names = zip(("bytes", "entries", "runs", "stored"), (*_PER_DAY, _STORED), strict=True)
    most = {f"most_{said}": limit_of(limits, f"{whose}_{name}") or _NO_LIMIT for said, name in names}
    return {**_said(use, app_id, owner_id, at), **most}


def _is_held(limits: Mapping[str, Any]) -> bool:
    """Tell whether the app as a whole has a quota."""
    return any(limit_of(limits, f"APP_{name}") for name in (*_PER_DAY, _STORED))


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
