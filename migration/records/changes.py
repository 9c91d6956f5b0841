"""What has changed since a revision, a page at a time."""

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from migration.errors import NotFound
from migration.values.forms import LITERAL
from migration.values.lines import literal

MOST = 1000
"""Largest page, records."""
_PAGE_BYTES = 8 << 20
"""A page ends early beyond this size, so that a few large values do not fill the memory."""

# One statement, so that the records and the owner's revision are of one moment and a cursor never skips a change.
# One record more than asked for tells whether there is more; the first record fits whatever its size.
_CHANGES = """
SELECT o.revision, p.rows, p.key_json, p.collection, p.revision, p.form, p.text, p.fingerprint
FROM migration_owner o LEFT JOIN LATERAL (
    SELECT *, count(*) OVER () AS rows, row_number() OVER (ORDER BY revision) AS place,
           sum(octet_length(text)) OVER (ORDER BY revision) AS size
    FROM (SELECT key_json, collection, revision, form, value::text AS text, fingerprint FROM migration_record
          WHERE owner_id = %(owner)s AND namespace = %(namespace)s AND revision > %(after)s
          ORDER BY revision LIMIT %(limit)s + 1) first
) p ON p.place <= %(limit)s AND (p.place = 1 OR coalesce(p.size, 0) <= %(bytes)s)
WHERE o.id = %(owner)s ORDER BY p.revision
"""


@dataclass(frozen=True, slots=True)
class Change:
    """One record as it stands. `value_json` is a JSON string literal of the value, or None for a tombstone."""

    key_json: str
    value_json: str | None
    form: int
    collection: str
    revision: int
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Changes:
    """One page of changes; `revision` is the cursor to go on from, `more` tells whether there is more."""

    records: list[Change]
    revision: int
    more: bool


def changes_since(*, owner_id: UUID, namespace: str, after: int, limit: int = MOST) -> Changes:
    """Return an owner's records with revisions above `after`, in their order, at most `limit`. Raises NotFound."""
    with connection.cursor() as cursor:
        cursor.execute(
            _CHANGES,
            {
                "owner": owner_id,
                "namespace": namespace,
                "after": after,
                "limit": max(1, min(limit, MOST)),
                "bytes": _PAGE_BYTES,
            },
        )
        rows = cursor.fetchall()
    if not rows:
        raise NotFound("There is no such owner.")
    found = [_change(*row[2:]) for row in rows if row[1]]
    more = bool(found) and rows[0][1] > len(found)
    return Changes(found, found[-1].revision if more else rows[0][0], more)


def _change(key_json: str, collection: str, revision: int, form: int, text: str | None, fingerprint: bytes) -> Change:
    value_json = text if text is None or form == LITERAL else literal(text).decode()
    return Change(key_json, value_json, form, collection, revision, bytes(fingerprint))
