"""The backup's last move: its keys and bytes go, its row and the chunks' measures stay for reports."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

# A run that is not over may still be loaded, verified or resumed from its chunks, and an open refused entry points
# into one. Going back needs no chunk: history holds what it needs.
_EXPIRE = """
WITH due AS (
    SELECT b.id, b.run_id, b.owner_id, r.app_id
    FROM migration_backup b
    JOIN migration_migrationrun r ON r.id = b.run_id
    JOIN migration_app a ON a.id = r.app_id
    WHERE b.state = ANY(%(sources)s) AND b.created_at < %(at)s
      AND r.state IN ('completed', 'rolled_back')
      AND r.finished_at < %(at)s - make_interval(days => a.backup_days)
      AND NOT EXISTS (SELECT FROM migration_quarantineentry q WHERE q.run_id = r.id AND q.state = 'open')
    ORDER BY b.created_at LIMIT %(most)s FOR UPDATE OF b SKIP LOCKED
), shredded AS (
    UPDATE migration_chunk c SET sealed_payload = '', wrapped_key = ''
    FROM due WHERE c.run_id = due.run_id AND c.owner_id = due.owner_id
    RETURNING c.run_id
)
UPDATE migration_backup b SET state = 'expired', expired_at = %(at)s FROM due WHERE b.id = due.id
RETURNING b.id, b.owner_id, due.app_id, (SELECT count(*) FROM shredded s WHERE s.run_id = due.run_id)
"""


@dataclass(frozen=True, slots=True)
class Expired:
    """A backup whose bytes nobody can read any more, and of how many chunks they were."""

    id: UUID
    owner_id: UUID
    app_id: UUID
    chunks: int


def expire_backups(*, sources: Sequence[str], most: int, at: datetime) -> list[Expired]:
    """Move up to `most` backups from one of the states `sources` to expired, those their apps have kept long enough.

    Part of the caller's transaction; backups others hold are passed over.
    """
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRE, {"sources": list(sources), "most": most, "at": at})
        return [Expired(*row) for row in cursor.fetchall()]
