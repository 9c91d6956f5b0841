"""One record, whole: how it stands, what it was before, what it was in conflict with."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from migration.models import Conflict
from migration.models.records import Form
from migration.records.browsing import Place
from migration.values.lines import text_of

VERSIONS = 100
"""Newest superseded versions told."""
CONFLICTS = 100

_SIDES = "octet_length(value::text), value IS NULL, form, written_at, device_id, run_id, cause, seq, collection"
_VERSIONS = f"""
SELECT revision, NULL::bigint, {_SIDES}, key_json FROM migration_record
WHERE owner_id = %(owner)s AND namespace = %(namespace)s AND key_hash = %(hash)s
UNION ALL
(SELECT revision, superseded_by, {_SIDES}, NULL FROM migration_record_version
 WHERE owner_id = %(owner)s AND namespace = %(namespace)s AND key_hash = %(hash)s
 ORDER BY revision DESC LIMIT {VERSIONS})
ORDER BY 1 DESC
"""
_VALUE = """
SELECT form, value::text FROM {table}
WHERE owner_id = %(owner)s AND namespace = %(namespace)s AND key_hash = %(hash)s AND revision = %(revision)s
"""


@dataclass(frozen=True, slots=True)
class Version:
    """What a record was from `revision` on. `size` is that of the value as text, bytes; None for a tombstone."""

    revision: int
    superseded_by: int | None
    size: int | None
    deleted: bool
    form: int
    written_at: datetime
    device_id: UUID | None
    run_id: UUID | None
    cause: str
    seq: int
    collection: str


@dataclass(frozen=True, slots=True)
class Single:
    """A record with its superseded versions, newest first, and the conflicts of its key."""

    key_json: str
    current: Version
    earlier: list[Version]
    conflicts: list[Conflict]


def read_record(*, place: Place) -> Single | None:
    """Return the record at a place, without any value; None when there is none."""
    with connection.cursor() as cursor:
        cursor.execute(_VERSIONS, _at(place))
        rows = cursor.fetchall()
    if not rows or rows[0][-1] is None:
        return None
    current, *earlier = (Version(*row[:-1]) for row in rows)
    return Single(key_json=rows[0][-1], current=current, earlier=earlier, conflicts=_conflicts(place))


def read_value(*, place: Place, revision: int) -> str | None:
    """Return the string a record held at `revision`, lone surrogates kept; None for a tombstone.

    Raises LookupError when the record has no such version.
    """
    with connection.cursor() as cursor:
        for table in ("migration_record", "migration_record_version"):
            cursor.execute(_VALUE.format(table=table), {**_at(place), "revision": revision})
            row = cursor.fetchone()
            if row is not None:
                form, value = row
                return value if value is None or form == Form.VERBATIM else text_of(value)
    raise LookupError(revision)


def _conflicts(place: Place) -> list[Conflict]:
    owner_id, namespace, key_hash = place
    found = Conflict.objects.filter(owner_id=owner_id, namespace=namespace, key_hash=key_hash)
    return list(found.defer("loser_value").order_by("-id")[:CONFLICTS])


def _at(place: Place) -> dict[str, Any]:
    owner_id, namespace, key_hash = place
    return {"owner": owner_id, "namespace": namespace, "hash": key_hash}
