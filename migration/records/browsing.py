"""Finding single records: by owner, by key, or page by page. Every page is bounded, whatever the table holds.

Pages go by keyset over the primary key: the next one begins behind the last place looked at. A page may come back
short, or empty, and still have a next one: it has looked at as many records, or asked as many owners, as it may.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from migration.values.digests import key_hash
from migration.values.lines import literal

PAGE = 50
RECORDS_A_PAGE = 20_000
"""Records of one owner looked at for a page, when their keys must begin with something."""
OWNERS_A_PAGE = 5_000
"""Owners asked for a key, or for their records, for a page."""
KEY_SHOWN = 400
"""Characters of a key's literal read for a list."""

Place = tuple[UUID, str, bytes]
"""The primary key of a record: owner, namespace, hash of the key."""
START: Place = (UUID(int=0), "", b"")

_COLUMNS = f"""r.owner_id, r.namespace, r.key_hash, left(r.key_json, {KEY_SHOWN}), r.collection, r.revision, r.form,
    r.written_at, r.device_id, r.run_id, r.cause, r.value IS NULL, pg_column_size(r.value)"""
_ORDER = "ORDER BY r.owner_id, r.namespace, r.key_hash"

_OF_OWNER = f"""
SELECT {_COLUMNS} FROM migration_record r
WHERE r.owner_id = %(owner)s AND (r.namespace, r.key_hash) > (%(namespace)s, %(hash)s) {_ORDER} LIMIT {PAGE + 1}
"""
# What is looked at is bounded first: a filter beside it would go on to the owner's last record.
_LAST_OF_OWNER = f"""
SELECT r.owner_id, r.namespace, r.key_hash FROM migration_record r
WHERE r.owner_id = %(owner)s AND (r.namespace, r.key_hash) > (%(namespace)s, %(hash)s)
{_ORDER} OFFSET {RECORDS_A_PAGE - 1} LIMIT 1
"""
_BEGINNING = f"""
SELECT {_COLUMNS} FROM migration_record r
WHERE r.owner_id = %(owner)s AND (r.namespace, r.key_hash) > (%(namespace)s, %(hash)s)
  AND (%(to_hash)s::bytea IS NULL OR (r.namespace, r.key_hash) <= (%(to_namespace)s, %(to_hash)s))
  AND left(r.key_json, %(length)s) = %(prefix)s {_ORDER} LIMIT {PAGE + 1}
"""
_OWNERS = f"""
SELECT o.id, a.namespace FROM migration_owner o JOIN migration_app a ON a.id = o.app_id
WHERE o.id > %(owner)s AND (%(apps)s::uuid[] IS NULL OR o.app_id = ANY(%(apps)s)) ORDER BY o.id LIMIT {OWNERS_A_PAGE}
"""
# LIMIT 1 keeps each owner's part a probe of the primary key, however few rows the planner believes in.
_OF_KEY = f"""
SELECT {_COLUMNS} FROM unnest(%(owners)s::uuid[], %(namespaces)s::text[]) AS o(id, namespace)
CROSS JOIN LATERAL (SELECT * FROM migration_record r
    WHERE r.owner_id = o.id AND r.namespace = o.namespace AND r.key_hash = %(hash)s LIMIT 1) r
{_ORDER} LIMIT {PAGE + 1}
"""
_OF_APPS = f"""
SELECT {_COLUMNS}
FROM (SELECT o.id FROM migration_owner o WHERE o.app_id = ANY(%(apps)s) AND o.id >= %(owner)s ORDER BY o.id) o
CROSS JOIN LATERAL (SELECT * FROM migration_record r WHERE r.owner_id = o.id
    AND (r.owner_id, r.namespace, r.key_hash) > (%(owner)s, %(namespace)s, %(hash)s) {_ORDER} LIMIT {PAGE + 1}) r
LIMIT {PAGE + 1}
"""
_OF_ANYBODY = f"""
SELECT {_COLUMNS} FROM migration_record r
WHERE (r.owner_id, r.namespace, r.key_hash) > (%(owner)s, %(namespace)s, %(hash)s) {_ORDER} LIMIT {PAGE + 1}
"""


@dataclass(frozen=True, slots=True)
class Listed:
    """A record in a list: without its value, its key's literal cut. `stored` is the value's size on disk, bytes."""

    owner_id: UUID
    namespace: str
    key_hash: bytes
    key_json: str
    collection: str
    revision: int
    form: int
    written_at: datetime
    device_id: UUID | None
    run_id: UUID | None
    cause: str
    deleted: bool
    stored: int | None

    @property
    def place(self) -> Place:
        """Return where it stands."""
        return self.owner_id, self.namespace, bytes(self.key_hash)


@dataclass(frozen=True, slots=True)
class Page:
    """Some records, and behind which place to go on; None when there is nothing more to look at."""

    records: list[Listed]
    after: Place | None


def list_records(*, app_ids: Sequence[UUID] | None = None, owner_id: UUID | None = None, after: Place = START) -> Page:
    """Return a page of an owner's records, of some apps', or of all, in the order of the primary key."""
    statement = _OF_OWNER if owner_id else _OF_ANYBODY if app_ids is None else _OF_APPS
    return _cut(_rows(statement, after=after, owner=owner_id or after[0], apps=_listed(app_ids)))


def begin_with(*, owner_id: UUID, prefix: str, after: Place = START) -> Page:
    """Return a page of an owner's records whose keys begin with `prefix`."""
    behind = _last(owner_id, after)
    to = {"to_namespace": behind[1], "to_hash": behind[2]} if behind else {"to_namespace": None, "to_hash": None}
    written = literal(prefix)[:-1].decode()
    rows = _rows(_BEGINNING, after=after, owner=owner_id, prefix=written, length=len(written), **to)
    return _cut(rows, otherwise=behind)


def with_key(
    *, key: str, app_ids: Sequence[UUID] | None = None, owner_id: UUID | None = None, after: Place = START
) -> Page:
    """Return the records of exactly this key: one owner's, or those of as many owners as a page may ask."""
    with connection.cursor() as cursor:
        statement = _OWNERS.replace("o.id > ", "o.id = ") if owner_id else _OWNERS
        cursor.execute(statement, {"owner": owner_id or after[0], "apps": _listed(app_ids)})
        owners = cursor.fetchall()
        names = {"owners": [one for one, _ in owners], "namespaces": [namespace for _, namespace in owners]}
        cursor.execute(_OF_KEY, {**names, "hash": key_hash(literal(key))})
        rows = cursor.fetchall()
    return _cut(rows, otherwise=(owners[-1][0], "", b"") if len(owners) == OWNERS_A_PAGE else None)


def _last(owner_id: UUID, after: Place) -> Place | None:
    """Return the last place a page may look at; None when the owner ends before."""
    rows = _rows(_LAST_OF_OWNER, after=after, owner=owner_id)
    return (rows[0][0], rows[0][1], bytes(rows[0][2])) if rows else None


def _listed(app_ids: Sequence[UUID] | None) -> list[UUID] | None:
    return None if app_ids is None else list(app_ids)


def _rows(statement: str, *, after: Place, **parameters: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"owner": after[0], "namespace": after[1], "hash": after[2], **parameters})
        return list(cursor.fetchall())


def _cut(rows: Sequence[Any], *, otherwise: Place | None = None) -> Page:
    """Make a page of the rows; the one too many only says that there are more."""
    records = [Listed(*row) for row in rows[:PAGE]]
    return Page(records, records[-1].place if len(rows) > PAGE else otherwise)
