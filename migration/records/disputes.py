"""Conflicts with both of their sides and what they grew from, as lines."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from migration.models import Conflict
from migration.values.stored import line_of

MOST = 500
"""Conflicts in a page."""
_PAGE_BYTES = 8 << 20
"""A page ends early beyond this size of its losers; the first one fits whatever its size."""

# The winner of what is open is what the server holds now; of what is decided, what was held by the decision.
_SIDES = """
SELECT c.id, c.key_json, c.winner, c.loser_form, c.loser_value::text, w.form, w.value::text, b.form, b.value::text,
       d.key, w.revision
FROM (
    SELECT * FROM (
        SELECT c.*, row_number() OVER (ORDER BY c.id DESC) AS place,
               sum(octet_length(c.loser_value::text)) OVER (ORDER BY c.id DESC) AS size
        FROM (SELECT * FROM migration_conflict
              WHERE owner_id = %(owner)s AND id < %(before)s AND (%(state)s::text IS NULL OR state = %(state)s)
                AND (%(id)s::bigint IS NULL OR id = %(id)s)
              ORDER BY id DESC LIMIT %(most)s) c
    ) counted WHERE place = 1 OR coalesce(size, 0) <= %(bytes)s
) c
LEFT JOIN LATERAL (
    SELECT r.form, r.value, r.revision FROM migration_record r
    WHERE r.owner_id = c.owner_id AND r.namespace = c.namespace AND r.key_hash = c.key_hash
      AND (c.state = 'open' OR r.revision = coalesce(c.stood_revision, c.record_revision))
    UNION ALL
    SELECT v.form, v.value, v.revision FROM migration_record_version v
    WHERE v.owner_id = c.owner_id AND v.namespace = c.namespace AND v.key_hash = c.key_hash
      AND c.state <> 'open' AND v.revision = coalesce(c.stood_revision, c.record_revision) LIMIT 1
) w ON true
LEFT JOIN LATERAL (
    SELECT v.form, v.value FROM migration_record_version v
    WHERE v.owner_id = c.owner_id AND v.namespace = c.namespace AND v.key_hash = c.key_hash
      AND v.revision <= c.base_revision AND v.superseded_by > c.base_revision
    UNION ALL
    SELECT r.form, r.value FROM migration_record r
    WHERE r.owner_id = c.owner_id AND r.namespace = c.namespace AND r.key_hash = c.key_hash
      AND r.revision <= c.base_revision LIMIT 1
) b ON true
LEFT JOIN migration_device d ON d.id = c.loser_device_id AND d.owner_id = c.owner_id
ORDER BY c.id DESC
"""


@dataclass(frozen=True, slots=True)
class Sides:
    """A conflict as lines: what arrived (`local`), what the server held (`remote`), and what both grew from.

    None where it is not kept any more, or never was. `device` is the loser's, as its browser names it.
    """

    conflict: Conflict
    base: str | None
    local: str | None
    remote: str | None
    device: UUID | None


def sides_of(
    *, owner_id: UUID, before: int, state: str | None = None, conflict_id: int | None = None, most: int = MOST
) -> list[Sides]:
    """Return an owner's conflicts below an id, newest first, as many as fit a page."""
    given: dict[str, Any] = {"owner": owner_id, "id": conflict_id, "state": state, "before": before, "most": most}
    with connection.cursor() as cursor:
        cursor.execute(_SIDES, {**given, "bytes": _PAGE_BYTES})
        rows = cursor.fetchall()
    conflicts = Conflict.objects.filter(owner_id=owner_id).defer("loser_value").in_bulk([row[0] for row in rows])
    found = []
    for conflict_id, key_json, winner, form, loser, won_form, won, base_form, base, device, revision in rows:
        lost = line_of(key_json, form, loser)
        stands = None if revision is None else line_of(key_json, won_form, won)
        local, remote = (stands, lost) if winner == "arriving" else (lost, stands)
        began = None if base_form is None else line_of(key_json, base_form, base)
        found.append(Sides(conflicts[conflict_id], began, local, remote, device))
    return found
