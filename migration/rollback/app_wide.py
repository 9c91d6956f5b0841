"""A whole app: which owners go back and where to, each owner's share of the work, and how far all of them are.

A share is a rollback like any other, under the app's rollback's id as its idempotency key. Shares are listed in the
order of the owners' ids, a bounded number in each commit: asking costs the same for ten owners as for a million.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from migration.models import AppRollback
from migration.progress.pace import Pace, pace_of

RECENTLY = timedelta(seconds=30)
"""What the pace is taken over."""

# Whoever came after the rollback was asked for is not part of it.
_BACK_TO_POINT = """
SELECT o.id AS owner_id, coalesce(p.revision, 0) AS to_revision, p.id IS NULL AS absent, o.revision AS stands_at,
       o.horizon, p.id AS point_id, NULL::uuid AS undoes_id
FROM migration_owner o
LEFT JOIN migration_rollbackpoint p ON p.owner_id = o.id AND p.app_point_id = %(point)s
WHERE o.app_id = %(app)s AND o.kind <> 'erased' AND o.created_at <= %(asked)s
"""
# An owner in whom nothing went back has nothing to be undone, and keeps what it wrote since.
_UNDO = """
SELECT o.id AS owner_id, r.from_revision AS to_revision, false AS absent, o.revision AS stands_at,
       o.horizon, NULL::uuid AS point_id, r.id AS undoes_id
FROM migration_rollback r JOIN migration_owner o ON o.id = r.owner_id
WHERE r.app_rollback_id = %(undoes)s AND r.state = 'done' AND r.reverted > 0 AND o.kind <> 'erased'
"""
_CENSUS = """
SELECT count(*), count(*) FILTER (WHERE absent), count(*) FILTER (WHERE stands_at > to_revision) FROM ({targets}) t
"""
_CHANGED = """
SELECT owner_id, to_revision FROM ({targets}) t
WHERE stands_at > to_revision AND owner_id > %(after)s ORDER BY owner_id LIMIT %(most)s
"""
_LIST = """
WITH next AS (
    SELECT * FROM ({targets}) t WHERE owner_id > %(after)s ORDER BY owner_id LIMIT %(most)s
), shared AS (
    INSERT INTO migration_rollback (id, owner_id, scope, app_rollback_id, point_id, undoes_id, idempotency_key,
        to_revision, state, failure, attempts, reverted, deleted, kept, journaled, actor, created_at)
    SELECT gen_random_uuid(), owner_id, 'owner', %(app_rollback)s, point_id, undoes_id, %(app_rollback)s,
           to_revision, 'requested', '', 0, 0, 0, 0, 0, %(actor)s, %(at)s
    FROM next ON CONFLICT DO NOTHING
)
SELECT count(*), (SELECT owner_id FROM next ORDER BY owner_id DESC LIMIT 1) FROM next
"""
_STANDING = """
SELECT count(*) FILTER (WHERE state = 'done'), count(*) FILTER (WHERE state = 'failed'),
       count(*) FILTER (WHERE state = 'requested'), count(*) FILTER (WHERE finished_at > %(lately)s),
       coalesce(sum(reverted), 0), coalesce(sum(deleted), 0), coalesce(sum(journaled), 0),
       count(*) FILTER (WHERE reverted > 0)
FROM migration_rollback WHERE app_rollback_id = %(app_rollback)s
"""
_NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Census:
    """Owners that would go back: all, those the point does not hold (they go to revision 0), those that changed."""

    owners: int
    absent: int
    changed: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an app's rollback is, in owners, and what it has done, in keys.

    `touched` owners had something go back.
    """

    owners: int
    done: int
    failed: int
    touched: int
    reverted: int
    deleted: int
    journaled: int
    pace: Pace


def targets_of(order: AppRollback) -> tuple[str, dict[str, Any]]:
    """Return the question for an app's rollback's owners, with what it has to be given."""
    given = {"app": order.app_id, "point": order.point_id, "undoes": order.undoes_id, "asked": order.created_at}
    return (_UNDO if order.undoes_id else _BACK_TO_POINT), given


def census_of(order: AppRollback) -> Census:
    """Count the owners a rollback, asked for or not yet, would take back."""
    targets, given = targets_of(order)
    with connection.cursor() as cursor:
        cursor.execute(_CENSUS.format(targets=targets), given)
        return Census(*cursor.fetchone())


def changed_owners(order: AppRollback, *, most: int | None = None, at_once: int = 500) -> Iterator[tuple[UUID, int]]:
    """Yield (owner, revision to go to) of owners that have changed since, in the order of their ids, up to `most`."""
    targets, given = targets_of(order)
    after, left = _NOBODY, most
    while left is None or left > 0:
        with connection.cursor() as cursor:
            limit = at_once if left is None else min(at_once, left)
            cursor.execute(_CHANGED.format(targets=targets), {**given, "after": after, "most": limit})
            rows = cursor.fetchall()
        yield from rows
        if len(rows) < limit:
            return
        after = rows[-1][0]
        left = None if left is None else left - len(rows)


def list_shares(order: AppRollback, *, most: int) -> int:
    """Give the next owners their shares and move the mark along; return how many.

    In the caller's transaction, with the order's row locked.
    """
    targets, given = targets_of(order)
    told = {
        **given,
        "app_rollback": order.id,
        "after": order.listed_to or _NOBODY,
        "most": most,
        "actor": order.actor,
        "at": order.created_at,
    }
    with connection.cursor() as cursor:
        cursor.execute(_LIST.format(targets=targets), told)
        found, last = cursor.fetchone()
    columns = {"listed_to": last} if last else {}
    AppRollback.objects.filter(id=order.id).update(all_listed=found < most, **columns)
    return int(found)


def standing_of(order: AppRollback, *, at: datetime) -> Standing:
    """Say how far an app's rollback is."""
    since = max(order.created_at, at - RECENTLY)
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, {"app_rollback": order.id, "lately": since})
        done, failed, waiting, lately, reverted, deleted, journaled, touched = cursor.fetchone()
    taken = done + failed
    owners = taken + waiting if order.all_listed else max(order.owners, taken + waiting)
    pace = pace_of(done=taken, total=owners, since=since, done_then=taken - lately, at=at)
    return Standing(owners, done, failed, touched, int(reverted), int(deleted), int(journaled), pace)
