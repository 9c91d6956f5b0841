"""L, the limit every ratio refers to: raw binary COPY of ready rows over one connection, into a keyed table."""

import hashlib
import struct
import time
from uuid import UUID

import psycopg

from tests.benchmarks.workload import Snapshot

_TABLE = """
DROP TABLE IF EXISTS bench_limit;
CREATE TABLE bench_limit (u uuid, c text, k text, v jsonb, s bytea, t timestamptz, PRIMARY KEY (u, c, k))
"""
_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_BLOCK = 512 * 1024


def ready_rows(stores: list[Snapshot]) -> list[bytes]:
    """Encode every record as a row of binary COPY, joined into blocks; not part of what is timed.

    jsonb refuses lone surrogates; those few values are written as JSON strings of their text instead.
    """
    blocks, block = [], bytearray(_HEADER)
    for number, store in enumerate(stores):
        owner = UUID(int=number + 1).bytes
        for key, value in store.items():
            block += _row(owner, key, value)
            if len(block) > _BLOCK:
                blocks.append(bytes(block))
                block.clear()
    return [*blocks, bytes(block + b"\xff\xff")]


def _row(owner: bytes, key: str, value: str) -> bytes:
    text = value.replace("\\ud83d", "?").encode()
    columns = [
        owner,
        key.split(".")[1].encode() if key.startswith("app.") else b"other",
        key.encode(),
        b"\x01" + text,
        hashlib.sha256(text).digest(),
        struct.pack("!q", 800_000_000_000_000),
    ]
    return struct.pack("!h", 6) + b"".join(struct.pack("!i", len(column)) + column for column in columns)


def measure(database_url: str, blocks: list[bytes], *, records: int) -> float:
    """Copy the rows into a fresh table and return records per second."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_TABLE)
        connection.execute("CHECKPOINT")
        started = time.perf_counter()
        with (
            connection.transaction(),
            connection.cursor() as cursor,
            cursor.copy("COPY bench_limit FROM STDIN (FORMAT BINARY)") as copy,
        ):
            for block in blocks:
                copy.write(block)
        took = time.perf_counter() - started
        row = connection.execute("SELECT count(*) FROM bench_limit").fetchone()
        if row is None or row[0] != records:
            raise AssertionError(f"the limit's table holds {row} of {records} records")
        connection.execute("DROP TABLE bench_limit")
    return records / took
