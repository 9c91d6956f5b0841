"""The staging table and the binary COPY into it.

Rows are built once, as bytes, in Postgres' binary COPY format
(https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"); no object per column, no model instance.
The table is temporary, so a crash leaves nothing behind.

Two rows for one key would abort the merge, so only the last by (seq, chunk, ordinal) is staged. Finding it here costs a
look into a set per row; having Postgres find it costs a sort of the whole stage, a quarter of the merge.
"""

import struct
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db import connection

from migration.loading.parts import Part
from migration.values.rows import Row

_CREATE = """
CREATE TEMPORARY TABLE IF NOT EXISTS migration_stage (
    chunk_id bigint, place integer, key_hash bytea, fingerprint bytea, form smallint, queryable boolean,
    collection text, key_json text, value json
) ON COMMIT DELETE ROWS
"""
STAGED = "migration_stage s"
"""Where a statement finds what was staged."""
ARRAYS = """(SELECT chunk_id, place, key_hash, fingerprint, form, queryable, collection, key_json, value::json AS value
    FROM unnest(%(chunk_ids)s::bigint[], %(places)s::int[], %(key_hashes)s::bytea[], %(fingerprints)s::bytea[],
                %(forms)s::smallint[], %(queryable)s::bool[], %(collections)s::text[], %(keys)s::text[],
                %(values)s::text[])
        AS a(chunk_id, place, key_hash, fingerprint, form, queryable, collection, key_json, value)) s"""
"""The same rows, as `as_arrays` hands them to the statement itself."""
_COPY = "COPY migration_stage FROM STDIN (FORMAT BINARY)"
HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER = b"\xff\xff"
NULL = b"\xff\xff\xff\xff"
BLOCK = 512 * 1024

# field count · chunk_id · place · key_hash · fingerprint · form · queryable · length of collection
_FIXED = struct.Struct("!h iq ii i32s i32s ih i? i".replace(" ", "")).pack
_LENGTH = struct.Struct("!i").pack


def stage(parts: list[Part]) -> int:
    """Copy the latest row of each key into this transaction's staging table; return how many rows.

    `place` numbers them in the order in which they were written: owner by owner by (seq, chunk, ordinal).
    """
    latest = latest_rows(parts)
    with connection.cursor() as cursor:
        cursor.execute(_CREATE)
        with cursor.copy(_COPY) as copy:
            for block in _blocks(latest):
                copy.write(block)
    return sum(len(rows) for _, rows in latest)


def as_arrays(parts: list[Part]) -> dict[str, list[Any]]:
    """Return what `stage` would have staged as the parameters of ARRAYS."""
    rows = [(chunk_id, row) for chunk_id, rows in latest_rows(parts) for row in rows]
    return {
        "chunk_ids": [chunk_id for chunk_id, _ in rows],
        "places": list(range(1, len(rows) + 1)),
        "key_hashes": [row.key_hash for _, row in rows],
        "fingerprints": [row.fingerprint for _, row in rows],
        "forms": [row.form for _, row in rows],
        "queryable": [row.queryable for _, row in rows],
        "collections": [row.collection for _, row in rows],
        "keys": [row.key_json.decode() for _, row in rows],
        "values": [None if row.value is None else row.value.decode() for _, row in rows],
    }


def latest_rows(parts: list[Part]) -> list[tuple[int, list[Row]]]:
    """Return (chunk id, rows) in order of (seq, chunk), each key of an owner once, where it was written last."""
    ordered = sorted(parts, key=lambda part: (part.claim.seq, part.claim.id))
    if _each_key_once(ordered):
        return [(part.claim.id, part.rows) for part in ordered]
    seen: dict[UUID, set[bytes]] = {}
    latest = []
    for part in reversed(ordered):
        keys = seen.setdefault(part.claim.owner_id, set())
        rows = []
        for row in reversed(part.rows):
            if row.key_hash not in keys:
                keys.add(row.key_hash)
                rows.append(row)
        latest.append((part.claim.id, rows[::-1]))
    return latest[::-1]


def _each_key_once(parts: list[Part]) -> bool:
    """Tell, in a third of the time that picking the latest takes, that there is nothing to pick."""
    keys: dict[UUID, set[bytes]] = {}
    for part in parts:
        keys.setdefault(part.claim.owner_id, set()).update([row.key_hash for row in part.rows])
    return sum(map(len, keys.values())) == sum(len(part.rows) for part in parts)


def _blocks(latest: list[tuple[int, list[Row]]]) -> Iterator[bytes]:
    block, place = bytearray(HEADER), 0
    for chunk_id, rows in latest:
        for row in rows:
            place += 1
            _append(block, chunk_id, place, row)
            if len(block) > BLOCK:
                yield bytes(block)
                block.clear()
    yield bytes(block + TRAILER)


def _append(block: bytearray, chunk_id: int, place: int, row: Row) -> None:
    collection = row.collection.encode()
    block += _FIXED(
        *(9, 8, chunk_id, 4, place, 32, row.key_hash, 32, row.fingerprint),
        *(2, row.form, 1, row.queryable, len(collection)),
    )
    block += collection
    block += _LENGTH(len(row.key_json))
    block += row.key_json
    if row.value is None:
        block += NULL
    else:
        block += _LENGTH(len(row.value))
        block += row.value
