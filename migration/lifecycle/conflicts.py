"""Moves of conflicts."""

from datetime import datetime

from migration.models import Conflict
from migration.states import ConflictState

OTHER = "other"
"""The choice of a conflict whose key was decided through another one."""


def decide_conflict(
    conflict: Conflict, *, choice: str, fingerprint: bytes, stood: int | None, by: str, at: datetime
) -> None:
    """Write what somebody chose for a conflict, and close what else is open about its key: one choice decides a key.

    `stood` is the record's revision before the choice.
    """
    decided = {"state": ConflictState.DECIDED, "decided_by": by[:200], "decided_at": at}
    of_key = Conflict.objects.filter(
        owner_id=conflict.owner_id, namespace=conflict.namespace, key_hash=conflict.key_hash
    )
    of_key.filter(id=conflict.id, state=ConflictState.OPEN).update(stood_revision=stood)
    of_key.filter(id=conflict.id).update(choice=choice, choice_fingerprint=fingerprint, **decided)
    of_key.filter(state=ConflictState.OPEN).exclude(id=conflict.id).update(choice=OTHER, **decided)
