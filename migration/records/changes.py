"""What has changed since a revision, a page at a time."""

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from migration.errors import CursorExpired, NotFound
from migration.values.stored import line_of

MOST = 1000
"""Largest page, records."""
_PAGE_BYTES = 8 << 20
"""A page ends early beyond this size, so that a few large values do not fill the memory."""

# One statement, so that the records and the owner's revision are of one moment and a cursor never skips a change.
# One record more than asked for tells whether there is more; the first record fits whatever its size.
_CHANGES = """
SELECT o.revision, o.horizon, p.rows, p.key_json, p.form, p.text, p.collection, p.revision, p.cause, p.device_id
FROM migration_owner o LEFT JOIN LATERAL (
    SELECT *, count(*) OVER () AS rows, row_number() OVER (ORDER BY revision) AS place,
           sum(octet_length(text)) OVER (ORDER BY revision) AS size
    FROM (SELECT key_json, collection, revision, form, value::text AS text, cause, device_id FROM migration_record
          WHERE owner_id = %(owner)s AND namespace = %(namespace)s AND revision > %(since)s
          ORDER BY revision LIMIT %(limit)s + 1) first
) p ON p.place <= %(limit)s AND (p.place = 1 OR coalesce(p.size, 0) <= %(bytes)s)
WHERE o.id = %(owner)s ORDER BY p.revision
"""


@dataclass(frozen=True, slots=True)
class Change:
    """One record as it stands, as the canonical line it travels as; `device_id` is its last writer, None the server."""

    line: str
    collection: str
    revision: int
    cause: str
    device_id: UUID | None


@dataclass(frozen=True, slots=True)
class Changes:
    """One page of changes: the owner's `revision`, `until` which this page tells, and whether there is `more`."""

    records: list[Change]
    revision: int
    until: int
    more: bool


def changes_since(*, owner_id: UUID, namespace: str, since: int, limit: int = MOST, forgetful: bool = False) -> Changes:
    """Return an owner's records with revisions above `since`, in their order, at most `limit`.

    Raises NotFound, and CursorExpired where deletions after `since` may have been forgotten. From 0 on there is no
    deletion to know of, so that is never too old; nor is it for the `forgetful`, who find deletions by digests.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _CHANGES,
            {
                "owner": owner_id,
                "namespace": namespace,
                "since": since,
                "limit": max(1, min(limit, MOST)),
                "bytes": _PAGE_BYTES,
            },
        )
        rows = cursor.fetchall()
    if not rows:
        raise NotFound("There is no such owner.")
    revision, horizon = rows[0][:2]
    if 0 < since < horizon and not forgetful:
        raise CursorExpired
    found = [_change(*row[3:]) for row in rows if row[2]]
    more = bool(found) and rows[0][2] > len(found)
    return Changes(found, revision, found[-1].revision if more else revision, more)


def _change(
    key_json: str, form: int, text: str | None, collection: str, revision: int, cause: str, device_id: UUID | None
) -> Change:
    return Change(line_of(key_json, form, text), collection, revision, cause, device_id)
