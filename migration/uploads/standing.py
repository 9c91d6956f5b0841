"""Where a run stands when one of its chunks arrives: what decides whether it is taken. Asked twice for every chunk."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection

# Written out: a query built anew for each chunk costs more than all that Postgres does for it.
_STANDING = """
SELECT state, expires_at, cancel_wished, epoch FROM migration_migrationrun
WHERE id = %s AND owner_id = %s AND device_id = %s
"""
_LOCKED = f"{_STANDING} FOR NO KEY UPDATE"


class Standing(NamedTuple):
    """What decides whether a run takes a chunk. A manifest is many times larger, and would be read for nothing."""

    state: str
    expires_at: datetime
    cancel_wished: bool
    epoch: str


def standing_of(*, run_id: UUID, owner_id: UUID, device_id: UUID, lock: bool = False) -> Standing | None:
    """Return where this device's run stands, None when it has none of this id; `lock` holds its row to the end."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCKED if lock else _STANDING, [run_id, owner_id, device_id])
        row = cursor.fetchone()
    return None if row is None else Standing(*row)
