"""The staging table and the binary COPY into it.

Rows are built once, as bytes, in Postgres' binary COPY format
(https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"); no object per column, no model instance.
The table is temporary, so a crash leaves nothing behind.
"""

import struct
from collections.abc import Iterator

from django.db import connection

from migration.loading.parts import Part
from migration.values.rows import Row

_CREATE = """
CREATE TEMPORARY TABLE IF NOT EXISTS migration_stage (
    chunk_id bigint, ordinal integer, key_hash bytea, fingerprint bytea, form smallint, queryable boolean,
    collection text, key_json text, value json
) ON COMMIT DELETE ROWS
"""
_COPY = "COPY migration_stage FROM STDIN (FORMAT BINARY)"
_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_BLOCK = 512 * 1024

# field count · chunk_id · ordinal · key_hash · fingerprint · form · queryable · length of collection
_FIXED = struct.Struct("!h iq ii i32s i32s ih i? i".replace(" ", "")).pack
_LENGTH = struct.Struct("!i").pack


def stage(parts: list[Part]) -> int:
    """Copy the rows of all parts into the staging table of this transaction; return how many rows."""
    with connection.cursor() as cursor:
        cursor.execute(_CREATE)
        with cursor.copy(_COPY) as copy:
            for block in _blocks(parts):
                copy.write(block)
    return sum(len(part.rows) for part in parts)


def _blocks(parts: list[Part]) -> Iterator[bytes]:
    block = bytearray(_HEADER)
    for part in parts:
        chunk_id = part.claim.id
        for row in part.rows:
            _append(block, chunk_id, row)
            if len(block) > _BLOCK:
                yield bytes(block)
                block.clear()
    yield bytes(block + _TRAILER)


def _append(block: bytearray, chunk_id: int, row: Row) -> None:
    collection = row.collection.encode()
    block += _FIXED(
        9,
        8,
        chunk_id,
        4,
        row.ordinal,
        32,
        row.key_hash,
        32,
        row.fingerprint,
        2,
        row.form,
        1,
        row.queryable,
        len(collection),
    )
    block += collection
    block += _LENGTH(len(row.key_json))
    block += row.key_json
    if row.value is None:
        block += _NULL
    else:
        block += _LENGTH(len(row.value))
        block += row.value
