"""A completed run verified once more, on demand: does what its receipt names still stand, and if not, why not?

It changes nothing, not even when it finds something: the run keeps its state and its receipt.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from migration import backups, records
from migration.errors import NotFound, NotMigrated
from migration.models import Backup, MigrationRun
from migration.orchestration.verification import becomes_records, readable_chunks, scope_of
from migration.values.digests import set_digest, to_wire

_PLACES = ("stored", "conflict", "quarantined")
_STANDINGS = (*_PLACES, "written_since", "rolled_back", *records.UNEXPLAINED)


def validate_run(*, owner_id: UUID, run_id: UUID, at: datetime) -> dict[str, Any]:
    """Return how the entries of a run stand against its receipt, computed from stored bytes, as plain JSON types.

    `valid` is false only for what neither a later write nor a rollback explains. Raises NotFound, and NotMigrated
    for a run that has no receipt.
    """
    run = MigrationRun.objects.select_related("app").filter(id=run_id, owner_id=owner_id).first()
    if run is None:
        raise NotFound("There is no such run.")
    if run.statement is None:
        raise NotMigrated("The run has no receipt that could be compared with anything.")
    unreadable: list[UUID] = []
    with transaction.atomic():
        backups.stage_claims(readable_chunks(run_id, unreadable), keep=backups.Keep.KEYS)
        found = records.find_standing(
            latest=backups.LATEST,
            scope=scope_of(run, as_received=not becomes_records(run)),
            revision=run.statement["revision"],
        )
    sealed = Backup.objects.filter(run_id=run_id, owner_id=owner_id).values_list("digest", flat=True).first()
    as_sealed = not unreadable and sealed is not None and bytes(sealed) == found.claimed.digest
    return {
        "run": str(run_id),
        "checked_at": at.isoformat().replace("+00:00", "Z"),
        "valid": as_sealed and not found.unexplained,
        "backup": {
            "readable": not unreadable,
            "as_sealed": as_sealed,
            "entries": found.claimed.entries,
            "unreadable_chunks": [str(key) for key in unreadable],
        },
        "receipt": [_compared(place, run.statement[place], found.by_place) for place in _PLACES],
        "standing": {name: found.by_standing[name].entries if name in found.by_standing else 0 for name in _STANDINGS},
        "unexplained": [{"key_json": key, "reason": reason} for key, reason in found.unexplained],
    }


def _compared(place: str, then: Mapping[str, Any], now: Mapping[str, records.Tally]) -> dict[str, Any]:
    tally = now.get(place)
    entries, digest = (tally.entries, to_wire(tally.digest)) if tally else (0, to_wire(set_digest([])))
    return {
        "place": place,
        "entries": then["entries"],
        "entries_now": entries,
        "agrees": then["digest"] == digest,
    }
