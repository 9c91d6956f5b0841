"""Versions of records written as they were: own revision, own writer, own time. For owners that hold nothing yet.

The ladder: all by binary COPY; by COPY beside the table, which passes over what is there; by multi-row statements, then
by halves. A single version that is refused is told, not written.
"""

import struct
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from migration.loading.ladder import NotTaken, climb_down, refusal_of
from migration.loading.staging import BLOCK, HEADER, NULL, TRAILER
from migration.loading.strategies import Strategy
from migration.values.rows import Row
from migration.values.versions import Version

_COLUMNS = """owner_id, namespace, collection, seq, device_id, run_id, cause, written_at, revision, key_hash, form,
    queryable, fingerprint, key_json, value"""
# Where row-level security applies to the role, Postgres takes no COPY; and what is there already stays.
_STAGE = "CREATE TEMPORARY TABLE IF NOT EXISTS {stage} (LIKE {table}) ON COMMIT DELETE ROWS"
_TAKE = "INSERT INTO {table} ({columns}) SELECT {columns} FROM {source} ON CONFLICT DO NOTHING"
_ARRAYS = """(SELECT owner_id, namespace, revision, seq, device_id, run_id, cause, written_at, collection, key_hash,
    form, queryable, fingerprint, key_json, value::json AS value, superseded_by
    FROM unnest(%s::uuid[], %s::text[], %s::bigint[], %s::bigint[], %s::uuid[], %s::uuid[], %s::text[],
                %s::timestamptz[], %s::text[], %s::bytea[], %s::smallint[], %s::bool[], %s::bytea[], %s::text[],
                %s::text[], %s::bigint[])
        AS a(owner_id, namespace, revision, seq, device_id, run_id, cause, written_at, collection, key_hash, form,
             queryable, fingerprint, key_json, value, superseded_by)) arriving"""

_LENGTH = struct.Struct("!i").pack
# revision · key_hash · form · queryable · fingerprint · length of key_json
_OWN = struct.Struct("!iq i32s ih i? i32s i".replace(" ", "")).pack
_LONG = struct.Struct("!iq").pack
_SINCE_1970 = datetime(1970, 1, 1, tzinfo=UTC)
_SINCE_2000 = 946_684_800_000_000


class _Table(NamedTuple):
    name: str
    columns: str


_RECORDS = _Table("migration_record", _COLUMNS)
_VERSIONS = _Table("migration_record_version", f"{_COLUMNS}, superseded_by")


class Exact(NamedTuple):
    """One version, the row it becomes, and whose it is."""

    owner_id: UUID
    version: Version
    row: Row


def write_exact(versions: Sequence[Exact], *, way: Strategy = Strategy.COPY) -> list[NotTaken[Exact]]:
    """Write versions in the caller's transaction; return those that Postgres refused.

    Versions that are there already (same key, or same key and revision) stay as they are and are not returned.
    """
    current = [one for one in versions if one.version.until is None]
    history = [one for one in versions if one.version.until is not None]
    return _write(current, _RECORDS, way) + _write(history, _VERSIONS, way)


def _write(versions: list[Exact], table: "_Table", way: Strategy) -> list[NotTaken[Exact]]:
    if not versions:
        return []
    if way is Strategy.COPY:
        for attempt in (_copy_straight, _copy_and_take):
            if refusal_of(partial(attempt, versions, table)) is None:
                return []
    return climb_down(versions, partial(_insert, table=table), way=way)


def _copy_straight(versions: Sequence[Exact], table: "_Table") -> None:
    _copy(versions, f"COPY {table.name} ({table.columns}) FROM STDIN (FORMAT BINARY)")


def _copy_and_take(versions: Sequence[Exact], table: "_Table") -> None:
    stage = f"{table.name}_arriving"
    with connection.cursor() as cursor:
        cursor.execute(_STAGE.format(stage=stage, table=table.name))
        cursor.execute(f"TRUNCATE {stage}")
    _copy(versions, f"COPY {stage} ({table.columns}) FROM STDIN (FORMAT BINARY)")
    with connection.cursor() as cursor:
        cursor.execute(_TAKE.format(table=table.name, columns=table.columns, source=stage))


def _insert(versions: Sequence[Exact], *, table: "_Table") -> None:
    given: list[Any] = [
        [one.owner_id for one in versions],
        [one.version.namespace for one in versions],
        [one.version.revision for one in versions],
        [one.version.seq for one in versions],
        [one.version.device_id for one in versions],
        [one.version.run_id for one in versions],
        [one.version.cause for one in versions],
        [_SINCE_1970 + timedelta(microseconds=one.version.written_at) for one in versions],
        [one.row.collection for one in versions],
        [one.row.key_hash for one in versions],
        [one.row.form for one in versions],
        [one.row.queryable for one in versions],
        [one.row.fingerprint for one in versions],
        [one.row.key_json.decode() for one in versions],
        [None if one.row.value is None else one.row.value.decode() for one in versions],
        [one.version.until for one in versions],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_TAKE.format(table=table.name, columns=table.columns, source=_ARRAYS), given)


def _copy(versions: Sequence[Exact], statement: str) -> None:
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
        for block in _blocks(versions):
            copy.write(block)


def _blocks(versions: Sequence[Exact]) -> Iterator[bytes]:
    fields = struct.pack("!hi", 15 if versions[0].version.until is None else 16, 16)
    pieces, size = [HEADER], 0
    begun, known = b"", None
    for owner_id, version, row in versions:
        # Neighbours are mostly of one owner, one chunk and one collection.
        if (shared := (owner_id, version[:2], version[4:])) != known:
            begun, known = fields + owner_id.bytes + _shared(version), shared
        _, key_hash, key_json, _, value, form, queryable, fingerprint = row
        own = _OWN(8, version[2], 32, key_hash, 2, form, 1, queryable, 32, fingerprint, len(key_json))
        pieces += (begun, own, key_json)
        pieces += (NULL,) if value is None else (_LENGTH(len(value)), value)
        if version[3] is not None:
            pieces.append(_LONG(8, version[3]))
        size += len(key_json) + len(value or b"")
        if size > BLOCK:
            yield b"".join(pieces)
            pieces.clear()
            size = 0
    pieces.append(TRAILER)
    yield b"".join(pieces)


def _shared(version: Version) -> bytes:
    """Write what a version has in common with its neighbours."""
    return b"".join(
        (
            _text(version.namespace),
            _text(version.collection),
            _LONG(8, version.seq),
            _uuid(version.device_id),
            _uuid(version.run_id),
            _text(version.cause),
            _LONG(8, version.written_at - _SINCE_2000),
        )
    )


@lru_cache(4_096)
def _uuid(text: str | None) -> bytes:
    return NULL if text is None else _LENGTH(16) + UUID(text).bytes


@lru_cache(4_096)
def _text(text: str) -> bytes:
    encoded = text.encode()
    return _LENGTH(len(encoded)) + encoded
