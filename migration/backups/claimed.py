"""What a run claims: the lines of its chunks as received, staged in a temporary table.

Streaming the chunks through COPY keeps our memory flat; Postgres sorts, and finds the latest line per key. The
table belongs to the session and empties itself when the transaction ends, so a crash leaves nothing behind.
"""

import struct
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from hashlib import sha256
from typing import Protocol

from django.db import connection

from migration.values.lines import key_literal_of, text_of

CLAIMS = "migration_claim"
"""The staging table: every line of every chunk."""

LATEST = f"""
SELECT DISTINCT ON (key_hash) key_hash, fingerprint, chunk_id, ordinal, bytes, deleted, rank, key_json, line
FROM {CLAIMS} ORDER BY key_hash, seq DESC, chunk_id DESC, ordinal DESC
"""
"""The latest line per key, in the order of key hashes."""

# A temporary table has no statistics: without the first line its rows look costly enough to compile the query for.
# The last line is for a transaction that stages twice. One connection stages for owners and for the admin, under two
# roles; nobody else can see a temporary table.
_PREPARE = f"""
SET LOCAL jit = off;
DO $$ BEGIN
    IF to_regclass('pg_temp.{CLAIMS}') IS NULL THEN
        CREATE TEMPORARY TABLE {CLAIMS} (
            seq bigint, chunk_id bigint, ordinal integer, bytes integer, deleted boolean, rank integer,
            key_hash bytea, fingerprint bytea, key_json text, line bytea
        ) ON COMMIT DELETE ROWS;
        GRANT ALL ON {CLAIMS} TO PUBLIC;
    END IF;
END $$;
DELETE FROM {CLAIMS}
"""
_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_BLOCK = 512 * 1024

# field count · seq · chunk_id · ordinal · bytes · deleted · rank · key_hash · fingerprint
_FIXED = struct.Struct("!hiqiqiiiii?iii32si32s").pack
_LENGTH = struct.Struct("!i").pack


class Keep(Enum):
    """What is staged beside the hashes."""

    NOTHING = "nothing"
    KEYS = "keys"
    LINES = "lines"


class Placed(Protocol):
    """What staging needs of a chunk: its place in the order of writes."""

    @property
    def id(self) -> int: ...
    @property
    def seq(self) -> int: ...


def stage_claims(
    chunks: Iterable[tuple[Placed, list[bytes]]],
    *,
    rank: Callable[[str], int] | None = None,
    keep: Keep = Keep.NOTHING,
) -> int:
    """Stage the canonical lines of `chunks` in this transaction and return how many there are.

    `rank` gives a key's collection as a place in a list; without it all are 0.
    """
    staged = 0
    with connection.cursor() as cursor:
        cursor.execute(_PREPARE)
        # A COPY for each chunk: the next one is read over the same connection.
        for chunk, lines in chunks:
            staged += len(lines)
            with cursor.copy(f"COPY {CLAIMS} FROM STDIN (FORMAT BINARY)") as copy:
                for block in _blocks(chunk, lines, rank, keep):
                    copy.write(block)
    return staged


def _blocks(chunk: Placed, lines: list[bytes], rank: Callable[[str], int] | None, keep: Keep) -> Iterator[bytes]:
    block = bytearray(_HEADER)
    for ordinal, line in enumerate(lines):
        _append(block, chunk.seq, chunk.id, ordinal, line, rank, keep)
        if len(block) > _BLOCK:
            yield bytes(block)
            block.clear()
    yield bytes(block + _TRAILER)


def _append(
    block: bytearray,
    seq: int,
    chunk_id: int,
    ordinal: int,
    line: bytes,
    rank: Callable[[str], int] | None,
    keep: Keep,
) -> None:
    key_json = key_literal_of(line)
    block += _FIXED(
        *(10, 8, seq, 8, chunk_id, 4, ordinal, 4, len(line), 1, len(line) == len(key_json) + 2),
        *(4, 0 if rank is None else rank(text_of(key_json)), 32, sha256(key_json).digest(), 32, sha256(line).digest()),
    )
    for kept in (key_json if keep is Keep.KEYS else None, line if keep is Keep.LINES else None):
        block += _NULL if kept is None else _LENGTH(len(kept)) + kept
