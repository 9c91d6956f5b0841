"""Marks of those who were erased. Who comes back is recognised; who reads the table learns nobody's name."""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection

from migration.config import tombstone_key

_BURY = """
INSERT INTO migration_tombstone (app_id, mark, epoch, erased_at)
SELECT %s, mark, %s, %s FROM unnest(%s::bytea[]) AS mark ON CONFLICT DO NOTHING
"""
_LIFT = "DELETE FROM migration_tombstone WHERE app_id = %s AND mark = %s RETURNING epoch"


def owner_mark(*, app_id: UUID, kind: str, subject: str) -> bytes:
    """Return the mark of an owner."""
    return _mark(app_id.bytes, kind.encode(), subject.encode())


def device_mark(owners: bytes, key: UUID) -> bytes:
    """Return the mark of a device of the owner whose mark is `owners`."""
    return _mark(owners, key.bytes)


def bury(*, app_id: UUID, marks: Sequence[bytes], epoch: int, at: datetime) -> None:
    """Leave tombstones; doing it again changes nothing."""
    with connection.cursor() as cursor:
        cursor.execute(_BURY, [app_id, epoch, at, list(marks)])


def lift(*, app_id: UUID, mark: bytes) -> int | None:
    """Take a tombstone away and return the last epoch it knew; None when there was none."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM migration_tombstone WHERE app_id = %s AND mark = %s RETURNING epoch", [app_id, mark]
        )
        row = cursor.fetchone()
    return int(row[0]) if row else None


def _mark(*parts: bytes) -> bytes:
    # Each part behind its length: no two lists of parts read the same.
    text = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return hmac.new(tombstone_key(), text, hashlib.sha256).digest()
