"""Everything an archive holds, read in one snapshot: writes go on meanwhile and are not in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from migration.archives import Scope, owner_line, version_line
from migration.orchestration.archiving_rows import OF_COLLECTIONS, Beside, beside_tables

OWNERS_AT_ONCE = 64
"""Owners asked for in one statement: few statements, and few rows for Postgres to put in order."""
ROWS_AT_ONCE = 1000

_OWNERS = """
SELECT id, kind, subject, revision, horizon, epoch, created_at, last_seen_at
FROM migration_owner
WHERE app_id = %(app)s AND kind <> 'erased' AND (%(owners)s::uuid[] IS NULL OR id = ANY(%(owners)s)) AND id > %(after)s
ORDER BY id LIMIT %(most)s
"""
_HEAD = """'[' || to_json(namespace)::text || ',' || to_json(collection)::text || ',' || revision || ',{until},'
    || seq || ',' || coalesce('"' || device_id || '"', 'null') || ',' || coalesce('"' || run_id || '"', 'null') || ','
    || to_json(cause)::text || ',' || (extract(epoch FROM written_at) * 1000000)::bigint"""
_WHERE = "owner_id = ANY(%(owners)s) AND (%(collections)s::text[] IS NULL OR collection = ANY(%(collections)s))"
_RECORDS = f"""
SELECT owner_id, collection, get_byte(key_hash, 0), value IS NULL, convert_to({_HEAD.format(until="null")}, 'UTF8'),
       migration_line(key_json, form, value)
FROM migration_record WHERE {_WHERE} ORDER BY owner_id, namespace, key_hash
"""
_UNTIL = _HEAD.format(until="' || superseded_by || '")
_VERSIONS = f"""
SELECT owner_id, collection, 0, value IS NULL, convert_to({_UNTIL}, 'UTF8'), migration_line(key_json, form, value)
FROM migration_record_version WHERE {_WHERE} ORDER BY owner_id, namespace, key_hash, revision
"""
_NIL = UUID(int=0)

Row = tuple[Any, ...]


@contextmanager
def snapshot() -> Iterator[None]:
    """Make all that is read within one moment's. The connection must not be in a transaction yet."""
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


class OwnerRows:
    """One owner in the snapshot. Its streams are read in this order and once."""

    def __init__(self, line: bytes, owner_id: UUID, streams: dict[str, "_Stream"]) -> None:
        """Remember where the owner's rows come from."""
        self.line, self.id, self._streams = line, owner_id, streams

    def beside(self) -> Iterator[tuple[str, str, bytes]]:
        """Yield (kind, collection, line) of what stands beside the records."""
        for kind, stream in self._streams.items():
            if kind not in ("record", "version"):
                for _, collection, text in stream.of(self.id):
                    yield kind, collection, b'{"' + kind.encode() + b'":' + text + b"}"

    def versions(self, kind: str) -> Iterator[tuple[str, int, bool, bytes, bytes]]:
        """Yield (collection, bucket, whether a tombstone, canonical line, line) of kind `record` or `version`."""
        for _, collection, bucket, is_gone, head, line in self._streams[kind].of(self.id):
            yield collection, bucket, is_gone, line, version_line(head, line)


def owners_of(app_id: UUID, scope: Scope) -> Iterator[OwnerRows]:
    """Yield the app's owners in the order of their ids. Within `snapshot`."""
    tables, after = beside_tables(), _NIL
    while rows := _some_owners(app_id, scope, after):
        ids = [row["id"] for row in rows]
        given = {"owners": ids, "collections": scope.collections}
        streams = {one.kind: _Stream(one.kind, _select(one), given) for one in tables}
        streams |= {"record": _Stream("record", _RECORDS, given), "version": _Stream("version", _VERSIONS, given)}
        try:
            for row in rows:
                yield OwnerRows(owner_line({**row, "id": str(row["id"])}), row["id"], streams)
        finally:
            for stream in streams.values():
                stream.close()
        after = ids[-1]


def _some_owners(app_id: UUID, scope: Scope, after: UUID) -> list[dict[str, Any]]:
    given = {"app": app_id, "owners": scope.owners, "after": after, "most": OWNERS_AT_ONCE}
    with connection.cursor() as cursor:
        cursor.execute(_OWNERS, given)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _select(one: Beside) -> str:
    """Return the statement for rows as JSON. A losing value goes as its canonical line, which has no newlines."""
    columns = [f't."{name}"' for name in one.types if name != "loser_value"]
    if "loser_value" in one.types:
        columns.append("convert_from(migration_line(key_json, loser_form, loser_value), 'UTF8') AS loser_line")
    collection = "collection" if "collection" in one.types else "''"
    where = _WHERE if one.kind in OF_COLLECTIONS else "owner_id = ANY(%(owners)s)"
    inner = f"SELECT {', '.join(columns)} FROM {one.table} t WHERE {where}"
    order = "owner_id, key_hash, device_id" if one.kind == "repetition" else "owner_id"
    return f"""SELECT owner_id, {collection}, convert_to(row_to_json(r)::text, 'UTF8')
               FROM ({inner} ORDER BY {order}) r"""


class _Stream:
    """A statement's rows, ordered by owner, handed out owner by owner."""

    def __init__(self, name: str, statement: str, given: dict[str, Any]) -> None:
        self._cursor = connection.connection.cursor(name=f"archive_{name}", binary=True)
        self._cursor.itersize = ROWS_AT_ONCE
        self._cursor.execute(statement, given)
        self._rows = iter(self._cursor)
        self._next: Row | None = next(self._rows, None)

    def of(self, owner_id: UUID) -> Iterator[Row]:
        """Yield the rows of an owner; owners are asked for in their order."""
        while self._next is not None and self._next[0] == owner_id:
            row, self._next = self._next, next(self._rows, None)
            yield row

    def close(self) -> None:
        """Let the server's cursor go."""
        self._cursor.close()
