"""Versions of records written as they were: own revision, own writer, own time. For owners that hold nothing yet.

The ladder: all by binary COPY; by COPY beside the table, which passes over what is there; by multi-row statements, then
by halves. A single version that is refused is told, not written.
"""

import struct
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from migration.loading.ladder import NotTaken, climb_down, refusal_of
from migration.loading.staging import BLOCK, HEADER, NULL, TRAILER
from migration.loading.strategies import Strategy
from migration.values.rows import Row

_COLUMNS = """owner_id, namespace, revision, seq, device_id, run_id, cause, written_at, collection, key_hash, form,
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
_NUMBERS = struct.Struct("!iq iq".replace(" ", "")).pack
_OWN = struct.Struct("!i32s ih i? i32s i".replace(" ", "")).pack
_LONG = struct.Struct("!iq").pack
_SINCE_1970 = datetime(1970, 1, 1, tzinfo=UTC)
_SINCE_2000 = 946_684_800_000_000


class _Table(NamedTuple):
    name: str
    columns: str


_RECORDS = _Table("migration_record", _COLUMNS)
_VERSIONS = _Table("migration_record_version", f"{_COLUMNS}, superseded_by")


class Exact(NamedTuple):
    """One version: its row and who wrote it when; `until` is the revision that superseded it, None: it stands.

    `written_at` counts microseconds since 1970.
    """

    owner_id: UUID
    namespace: str
    revision: int
    until: int | None
    seq: int
    device_id: UUID | None
    run_id: UUID | None
    cause: str
    written_at: int
    row: Row


def write_exact(versions: Sequence[Exact], *, way: Strategy = Strategy.COPY) -> list[NotTaken[Exact]]:
    """Write versions in the caller's transaction; return those that Postgres refused.

    Versions that are there already (same key, or same key and revision) stay as they are and are not returned.
    """
    current = [one for one in versions if one.until is None]
    history = [one for one in versions if one.until is not None]
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
        [one.namespace for one in versions],
        [one.revision for one in versions],
        [one.seq for one in versions],
        [one.device_id for one in versions],
        [one.run_id for one in versions],
        [one.cause for one in versions],
        [_SINCE_1970 + timedelta(microseconds=one.written_at) for one in versions],
        [one.row.collection for one in versions],
        [one.row.key_hash for one in versions],
        [one.row.form for one in versions],
        [one.row.queryable for one in versions],
        [one.row.fingerprint for one in versions],
        [one.row.key_json.decode() for one in versions],
        [None if one.row.value is None else one.row.value.decode() for one in versions],
        [one.until for one in versions],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_TAKE.format(table=table.name, columns=table.columns, source=_ARRAYS), given)


def _copy(versions: Sequence[Exact], statement: str) -> None:
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
        for block in _blocks(versions):
            copy.write(block)


def _blocks(versions: Sequence[Exact]) -> Iterator[bytes]:
    fields = struct.pack("!hi", 15 if versions[0].until is None else 16, 16)
    texts: dict[str, bytes] = {}
    pieces, size = [HEADER], 0
    for one in versions:
        row = one.row
        for text in (one.namespace, one.cause, row.collection):
            if text not in texts:
                texts[text] = _text(text)
        pieces += (
            fields + one.owner_id.bytes + texts[one.namespace] + _NUMBERS(8, one.revision, 8, one.seq),
            _uuid(one.device_id) + _uuid(one.run_id) + texts[one.cause] + _LONG(8, one.written_at - _SINCE_2000),
            texts[row.collection],
            _OWN(32, row.key_hash, 2, row.form, 1, row.queryable, 32, row.fingerprint, len(row.key_json)),
            row.key_json,
            NULL if row.value is None else _LENGTH(len(row.value)) + row.value,
        )
        if one.until is not None:
            pieces.append(_LONG(8, one.until))
        size += len(row.key_json) + len(row.value or b"")
        if size > BLOCK:
            yield b"".join(pieces)
            pieces.clear()
            size = 0
    pieces.append(TRAILER)
    yield b"".join(pieces)


def _uuid(value: UUID | None) -> bytes:
    return NULL if value is None else b"\x00\x00\x00\x10" + value.bytes


def _text(text: str) -> bytes:
    encoded = text.encode()
    return _LENGTH(len(encoded)) + encoded
