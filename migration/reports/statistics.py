"""What the server holds of one owner, in numbers, and how far a device is behind it."""

from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Max, Sum

from migration.errors import NotFound
from migration.models import Backup, Conflict, MigrationRun, Owner, QuarantineEntry
from migration.reports.moments import moment

# All of one statement, so that counts and revision are of one moment. What a device lacks is what others wrote after
# the revision it knows.
_RECORDS = """
SELECT GROUPING(collection), collection, count(value), count(*) - count(value),
       coalesce(sum(octet_length(value::text)), 0),
       max(revision) FILTER (WHERE device_id = %(device)s),
       count(*) FILTER (WHERE revision > %(since)s AND device_id IS DISTINCT FROM %(device)s)
FROM migration_record WHERE owner_id = %(owner)s GROUP BY GROUPING SETS ((collection), ()) ORDER BY 1 DESC, 2
"""
MOST_COLLECTIONS = 200


def statistics(*, owner_id: UUID, device_id: UUID | None, since: int = 0) -> dict[str, Any]:
    """Return an owner's records, runs, conflicts, quarantine and backups in numbers, and what the device lacks.

    `since` is the revision the device knows. Raises NotFound.
    """
    owner = Owner.objects.filter(id=owner_id).only("revision").first()
    if owner is None:
        raise NotFound("There is no such owner.")
    with connection.cursor() as cursor:
        cursor.execute(_RECORDS, {"owner": owner_id, "device": device_id, "since": since})
        (_, _, live, tombstones, size, written, behind), *collections = cursor.fetchall()
    return {
        "database": {
            "revision": owner.revision,
            "records": live,
            "tombstones": tombstones,
            "bytes": int(size),
            "collections": [
                {"name": name, "records": count, "bytes": int(weight)}
                for _, name, count, _, weight, _, _ in collections[:MOST_COLLECTIONS]
            ],
        },
        "runs": _by_state(MigrationRun.objects.filter(owner_id=owner_id)),
        "conflicts": _by_state(Conflict.objects.filter(owner_id=owner_id)),
        "quarantine": _by_state(QuarantineEntry.objects.filter(owner_id=owner_id)),
        "backups": _backups(owner_id),
        "last_receipt": _last_receipt(owner_id),
        "sync": {"revision": owner.revision, "since": since, "written": written or 0, "behind": behind},
    }


def _by_state(rows: Any) -> dict[str, int]:
    return dict(rows.order_by("state").values_list("state").annotate(Count("pk")))


def _backups(owner_id: UUID) -> dict[str, Any]:
    found = Backup.objects.filter(owner_id=owner_id).aggregate(
        count=Count("id"), entries=Sum("entries"), bytes=Sum("bytes"), newest_at=Max("created_at")
    )
    return {
        "count": found["count"],
        "entries": found["entries"] or 0,
        "bytes": found["bytes"] or 0,
        "newest_at": moment(found["newest_at"]),
    }


def _last_receipt(owner_id: UUID) -> dict[str, Any] | None:
    runs = MigrationRun.objects.filter(owner_id=owner_id, dry_run=False).exclude(receipt="").order_by("-finished_at")
    run = runs.only("id", "statement").first()
    if run is None or run.statement is None:
        return None
    counts = {place: run.statement[place]["entries"] for place in ("stored", "conflict", "quarantined", "withheld")}
    return {"run": str(run.id), "purpose": run.statement["purpose"], "issued_at": run.statement["issued_at"], **counts}
