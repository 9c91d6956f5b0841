"""Where a run stands when one of its chunks arrives: what decides whether it is taken. Asked twice for every chunk."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from migration.values.questions import Question, Statement

# Written out and prepared: a query built and planned anew for each chunk costs more than all that it does.
_STANDING = """
SELECT state, expires_at, cancel_wished, epoch FROM migration_migrationrun
WHERE id = %(run)s::uuid AND owner_id = %(owner)s::uuid AND device_id = %(device)s::uuid
"""
_SEEN, _LOCKED = Statement(_STANDING), Statement(f"{_STANDING} FOR NO KEY UPDATE")


class Standing(NamedTuple):
    """What decides whether a run takes a chunk. A manifest is many times larger, and would be read for nothing."""

    state: str
    expires_at: datetime
    cancel_wished: bool
    epoch: str

    @classmethod
    def of(cls, rows: Sequence[tuple[Any, ...]]) -> "Standing | None":
        """Read the answer to `standing`; None when this device has no such run."""
        return cls(*rows[0]) if rows else None


def standing(*, run_id: UUID, owner_id: UUID, device_id: UUID, lock: bool = False) -> Question:
    """Return the question where this device's run stands; `lock` holds its row to the end of the transaction."""
    return (_LOCKED if lock else _SEEN).of({"run": run_id, "owner": owner_id, "device": device_id})
