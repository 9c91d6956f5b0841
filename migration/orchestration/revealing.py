"""Showing an operator a user's value. The audit line and the reading are one transaction: no look without a trace."""

from datetime import datetime

from django.db import transaction

from migration.errors import NotFound
from migration.lifecycle import audit
from migration.models import Conflict, Owner
from migration.models.records import Form
from migration.records import Place, read_value
from migration.values.digests import to_wire
from migration.values.lines import text_of


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


def reveal_loser(*, conflict: Conflict, actor: str, at: datetime) -> str | None:
    """Return the value that lost a conflict (None for a deletion) and write who looked."""
    with transaction.atomic():
        audit(
            actor=actor,
            action="value_revealed",
            target=f"conflict {conflict.pk}",
            at=at,
            app_id=Owner.objects.values_list("app_id", flat=True).get(id=conflict.owner_id),
            owner_id=conflict.owner_id,
            data={"revision": conflict.record_revision},
        )
        value, form = conflict.loser_value, conflict.loser_form
    return value if value is None or form == Form.VERBATIM else text_of(value)
