"""Storing a chunk once. The row is the backup and the work item; the run's counters rise in the same transaction."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import psycopg
from django.db import connection

from migration.config import encryption_keys
from migration.errors import IdempotencyMismatch
from migration.lifecycle import together
from migration.values.envelopes import chunk_binding, seal


class Outcome(StrEnum):
    """Whether the chunk came for the first time."""

    STORED = "stored"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class ChunkHead:
    """What a device says of a chunk: its random id, its sequence number, how many entries it holds."""

    id: UUID
    seq: int
    entries: int
    payload_bytes: int
    sha256: bytes
    encoding: str
    size_reason: str = ""
    """Why the device cut it to this size, as a short code; empty where it did not say."""


# A second transaction with the same id waits here for the first to end, and then inserts nothing.
_INSERT = """
INSERT INTO migration_chunk (run_id, key, owner_id, app_id, seq, entries, payload_bytes, sha256, encoding,
                             size_reason, sealed_payload, wrapped_key, stored_at, state, fence, attempts, next_ordinal)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %b, %b, %s, 'stored', 0, 0, 0)
ON CONFLICT (run_id, key) DO NOTHING
"""
_COUNT = """
UPDATE migration_migrationrun
SET chunks_received = chunks_received + 1, entries_received = entries_received + %s,
    bytes_received = bytes_received + %s, started_at = coalesce(started_at, %s), updated_at = %s
WHERE id = %s
"""


def find_chunk(*, run_id: UUID, head: ChunkHead) -> bool:
    """Tell whether this chunk is stored already. Raises IdempotencyMismatch when its id holds another payload."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sha256, seq FROM migration_chunk WHERE run_id = %s AND key = %s", [run_id, head.id])
        stored = cursor.fetchone()
    if stored is None:
        return False
    if (bytes(stored[0]), stored[1]) != (head.sha256, head.seq):
        raise IdempotencyMismatch("This chunk id was used before with another payload.")
    return True


def store_chunk(*, app_id: UUID, owner_id: UUID, run_id: UUID, head: ChunkHead, body: bytes, at: datetime) -> Outcome:
    """Seal and store a chunk and raise its run's counters; say whether it was new.

    The caller holds the run's row lock, and judges its state if the chunk was new. Raises IdempotencyMismatch.
    """
    binding = chunk_binding(app_id=app_id, owner_id=owner_id, run_id=run_id, seq=head.seq, sha256=head.sha256)
    envelope = seal(body, bound_to=binding, keys=encryption_keys())
    with together():
        row = (
            run_id,
            head.id,
            owner_id,
            app_id,
            head.seq,
            head.entries,
            head.payload_bytes,
            head.sha256,
            head.encoding,
            head.size_reason,
        )
        if not _insert([*row, envelope.sealed, envelope.wrapped_key, at]):
            find_chunk(run_id=run_id, head=head)
            return Outcome.DUPLICATE
        with connection.cursor() as cursor:
            # The manifest counts lines without their newlines.
            cursor.execute(_COUNT, [head.entries, head.payload_bytes - head.entries, at, at, run_id])
    return Outcome.STORED


def _insert(row: list[object]) -> bool:
    """Insert a chunk unless its id is there; say whether it was not.

    Django's cursor would write the bytes into the statement as hex, twice their size; psycopg's own sends them as
    they are.
    """
    with connection.cursor() as opened, connection.wrap_database_errors, psycopg.Cursor(opened.connection) as cursor:
        cursor.execute(_INSERT, row)
        return bool(cursor.rowcount)
