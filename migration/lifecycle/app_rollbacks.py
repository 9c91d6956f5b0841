"""Moves of an app's rollback, and the claims of its owners' shares.

A share is claimed in a commit of its own, which counts the attempt: one that ends its worker would else go round for
ever. What was claimed in vain comes back alone, so that it is known which of a batch it was.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from migration.errors import IllegalMove, NotFound
from migration.lifecycle.chunks import WORKER_LOCKS
from migration.lifecycle.together import together
from migration.models import AppRollback
from migration.states import APP_ROLLBACK, AppRollbackState

# A holder whose connection is gone, or whose lease has ended, has lost what it held.
_CLAIM = """
WITH waiting AS (
    SELECT id, attempts FROM migration_rollback
    WHERE app_rollback_id = %(app_rollback)s AND state = 'requested'
      AND (holder IS NULL OR lease_until < %(at)s OR holder NOT IN (
          SELECT objid::bigint FROM pg_locks
          WHERE locktype = 'advisory' AND classid = %(locks)s AND objsubid = 2 AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())))
    ORDER BY owner_id LIMIT %(most)s FOR UPDATE SKIP LOCKED
), taken AS (
    SELECT id FROM (SELECT id, attempts, row_number() OVER (ORDER BY attempts DESC) AS place,
                           max(attempts) OVER () AS worst FROM waiting) ranked
    WHERE worst = 0 OR place = 1
)
UPDATE migration_rollback r
SET holder = %(holder)s, lease_until = %(until)s, attempts = r.attempts + 1
FROM taken WHERE r.id = taken.id RETURNING r.id, r.attempts, r.owner_id
"""
_RELEASE = """
UPDATE migration_rollback SET holder = NULL, lease_until = NULL,
       attempts = CASE WHEN %s THEN attempts - 1 ELSE attempts END
WHERE id = ANY(%s) AND holder = %s AND state = 'requested'
"""
_FINISH = """
UPDATE migration_approllback a SET state = 'done', finished_at = %(at)s
WHERE id = %(app_rollback)s AND state = %(source)s AND all_listed
  AND NOT EXISTS (SELECT FROM migration_rollback r WHERE r.app_rollback_id = a.id AND r.state = 'requested')
"""


def move_app_rollback(app_rollback_id: UUID, to: AppRollbackState, **columns: Any) -> None:
    """Move an app's rollback along its table and write `columns` with it.

    Waits for owners that are being taken. Raises IllegalMove (with `state`) or NotFound, changing nothing.
    """
    with together(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_key(app_rollback_id)])
        rows = AppRollback.objects.filter(id=app_rollback_id)
        source = rows.select_for_update(no_key=True).values_list("state", flat=True).first()
        if source is None:
            raise NotFound("There is no such rollback.")
        if not APP_ROLLBACK.allows(source, to):
            raise IllegalMove(f"A rollback that is {source} cannot become {to}.", state=source)
        rows.update(state=to, **columns)


def hold_app_rollback(app_rollback_id: UUID) -> bool:
    """Tell whether an app's rollback is at work, and keep it so until the caller's transaction ends."""
    with connection.cursor() as cursor:
        # Not a lock on the row: there many who share would keep somebody who wants to pause it waiting for ever.
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [_key(app_rollback_id)])
        cursor.execute("SELECT state FROM migration_approllback WHERE id = %s", [app_rollback_id])
        row = cursor.fetchone()
    return row is not None and row[0] == AppRollbackState.AT_WORK


def claim_shares(
    app_rollback_id: UUID, *, holder: int, at: datetime, lease_seconds: int, most: int
) -> list[tuple[UUID, int]]:
    """Claim up to `most` owners' shares in one commit; return (rollback's id, attempts) in the order of the owners."""
    given: dict[str, Any] = {
        "app_rollback": app_rollback_id,
        "holder": holder,
        "at": at,
        "until": at + timedelta(seconds=lease_seconds),
        "locks": WORKER_LOCKS,
        "most": most,
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, given)
        rows = sorted(cursor.fetchall(), key=lambda row: row[2])
    return [(share, attempts) for share, attempts, _ in rows]


def release_shares(shares: Sequence[UUID], *, holder: int, forgive: bool) -> None:
    """Give back what was claimed and is not done; with `forgive` the attempt does not count."""
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, [forgive, list(shares), holder])


def finish_app_rollback(app_rollback_id: UUID, *, at: datetime) -> bool:
    """Say that an app's rollback is done if no owner is left to take; return whether this call did."""
    source = APP_ROLLBACK.sources_of(AppRollbackState.DONE)[0]
    given: dict[str, Any] = {"app_rollback": app_rollback_id, "at": at, "source": source}
    with connection.cursor() as cursor:
        cursor.execute(_FINISH, given)
        return bool(cursor.rowcount)


def _key(app_rollback_id: UUID) -> int:
    return int.from_bytes(app_rollback_id.bytes[:8], "big", signed=True)
