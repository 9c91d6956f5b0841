"""An owner's past below its horizon: how far up that may be, and taking it away, a bounded number of rows at a time.

A superseded version is needed by whoever asks for a revision it still held at. So at the horizon and above everything
can be rebuilt; below it nothing can, and nothing is promised (semantics 8).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

# Of what was written since, the first: whatever the clocks of several servers said, all below it is older. A rollback
# that may be asked for again, or undone, needs both of its ends; one of a run is bound to the run's point.
_FACTS = """
SELECT o.revision, o.horizon,
    (SELECT min(p.revision) FROM migration_rollbackpoint p WHERE p.owner_id = o.id),
    (SELECT min(least(b.to_revision, b.from_revision)) FROM migration_rollback b
     WHERE b.owner_id = o.id AND (b.state = 'requested' OR b.created_at >= %(points)s)),
    least((SELECT min(r.revision) FROM migration_record r WHERE r.owner_id = o.id AND r.written_at >= %(since)s),
          (SELECT min(v.revision) FROM migration_record_version v
           WHERE v.owner_id = o.id AND v.written_at >= %(since)s))
FROM migration_owner o WHERE o.id = %(owner)s
"""
_PRUNE = "DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} t WHERE {where} LIMIT %(most)s))"
_OLD = {
    "migration_record_version": "t.owner_id = %(owner)s AND t.superseded_by <= %(horizon)s",
    "migration_record": "t.owner_id = %(owner)s AND t.value IS NULL AND t.revision <= %(horizon)s",
    "migration_repetition": "t.owner_id = %(owner)s AND t.revision <= %(horizon)s AND t.noted_at < %(since)s",
}
# What lost is kept for as long as what won stands unchanged: until then it is all that tells where the other value is.
_CONFLICTS = """t.owner_id = %(owner)s AND t.state = 'decided' AND t.created_at < %(before)s
    AND coalesce(t.decided_at, t.created_at) < %(before)s AND t.record_revision <= %(horizon)s
    AND NOT EXISTS (SELECT FROM migration_record r WHERE r.owner_id = t.owner_id AND r.namespace = t.namespace
                    AND r.key_hash = t.key_hash AND r.revision <= coalesce(t.stood_revision, t.record_revision))"""


@dataclass(frozen=True, slots=True)
class Facts:
    """What an owner's horizon depends on: revisions, None where there is no such thing."""

    revision: int
    horizon: int
    oldest_point: int | None
    oldest_rollback: int | None
    first_recent: int | None
    """The first revision younger than outboxes live and tombstones are kept."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """Up to which revision the past may go, and what keeps it from being higher."""

    revision: int
    reason: str


def facts_of(*, owner_id: UUID, since: datetime, points: datetime) -> Facts | None:
    """Return what the horizon of an owner depends on; None when there is no such owner.

    What was written at `since` or later is needed by devices, rollbacks asked for at `points` or later can be undone.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FACTS, {"owner": owner_id, "since": since, "points": points})
        row = cursor.fetchone()
    return None if row is None else Facts(*row)


def horizon_of(facts: Facts) -> Horizon:
    """Return how high the horizon may be. Pure; it never falls."""
    bounds = [
        (facts.oldest_point, "the oldest rollback point"),
        (facts.oldest_rollback, "a rollback that can be undone"),
        (None if facts.first_recent is None else facts.first_recent - 1, "devices that may still be away"),
    ]
    known = [(revision, reason) for revision, reason in bounds if revision is not None]
    revision, reason = min(known, default=(facts.revision, "nothing"))
    if revision <= facts.horizon:
        return Horizon(facts.horizon, "it never falls" if revision < facts.horizon else reason)
    return Horizon(revision, reason)


def prune_below(*, owner_id: UUID, horizon: int, since: datetime, most: int) -> dict[str, int]:
    """Delete versions, tombstones and traces below an owner's horizon, up to `most` of each; return {table: rows}.

    Part of the caller's transaction, under the owner's lock.
    """
    given = {"owner": owner_id, "horizon": horizon, "since": since, "most": most}
    return {table: _delete(table, where, given) for table, where in _OLD.items()}


def forget_conflicts(*, owner_id: UUID, horizon: int, before: datetime, most: int) -> int:
    """Delete decided conflicts from before a time whose record has been written since, up to `most`."""
    given = {"owner": owner_id, "horizon": horizon, "before": before, "most": most}
    return _delete("migration_conflict", _CONFLICTS, given)


def _delete(table: str, where: str, given: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_PRUNE.format(table=table, where=where), given)
        return int(cursor.rowcount)
