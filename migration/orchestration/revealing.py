"""Showing an operator a user's value. The audit line and the reading are one transaction: no look without a trace."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from migration.errors import NotFound
from migration.lifecycle import audit
from migration.models import Mismatch, Owner
from migration.orchestration.deciding import find_sides
from migration.records import Place, Sides, read_value
from migration.values.digests import to_wire


def reveal_record(*, place: Place, revision: int, actor: str, at: datetime) -> str | None:
    """Return the value a record held at `revision` (None for a tombstone) and write who looked. Raises NotFound.

    The line names the record by the hash of its key: keys are users' words too.
    """
    owner_id, namespace, key_hash = place
    with transaction.atomic():
        try:
            value = read_value(place=place, revision=revision)
        except LookupError as error:
            raise NotFound("The record has no such version.") from error
        audit(
            actor=actor,
            action="value_revealed",
            target=f"record {to_wire(key_hash)}",
            at=at,
            app_id=Owner.objects.values_list("app_id", flat=True).get(id=owner_id),
            owner_id=owner_id,
            data={"namespace": namespace, "revision": revision},
        )
    return value


def reveal_conflict(*, owner_id: UUID, conflict_id: int, actor: str, at: datetime) -> Sides:
    """Return a conflict with its sides and write who looked at them. Raises NotFound."""
    with transaction.atomic():
        sides = find_sides(owner_id=owner_id, conflict_id=conflict_id)
        audit(
            actor=actor,
            action="value_revealed",
            target=f"conflict {conflict_id}",
            at=at,
            app_id=Owner.objects.values_list("app_id", flat=True).get(id=owner_id),
            owner_id=owner_id,
            data={"revision": sides.conflict.record_revision},
        )
    return sides


def reveal_mismatches(*, app_id: UUID, collection: str, most: int, actor: str, at: datetime) -> list[Mismatch]:
    """Return the newest mismatches of a collection with their values, and write who looked: a line for each owner."""
    with transaction.atomic():
        rows = list(Mismatch.objects.filter(app_id=app_id, collection=collection).order_by("-at", "-id")[:most])
        for owner_id in dict.fromkeys(row.owner_id for row in rows):
            shown = [row.pk for row in rows if row.owner_id == owner_id]
            audit(
                actor=actor,
                action="value_revealed",
                target=f"mismatches {', '.join(map(str, shown))}",
                at=at,
                app_id=app_id,
                owner_id=owner_id,
            )
    return rows
