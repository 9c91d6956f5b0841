"""Storing a chunk once. The row is the backup and the work item; the run's counters rise in the same transaction."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from migration.asking import Rows, ask
from migration.config import encryption_keys
from migration.errors import IdempotencyMismatch
from migration.values.envelopes import chunk_binding, seal
from migration.values.questions import Question, Statement


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


# A second transaction with the same id waits here for the first to end, and then inserts nothing. Nor does one whose
# run was erased a moment ago.
_STORE = Statement("""
WITH stored AS (
    INSERT INTO migration_chunk (run_id, key, owner_id, app_id, seq, entries, payload_bytes, sha256, encoding,
        size_reason, sealed_payload, wrapped_key, stored_at, state, fence, attempts, next_ordinal)
    SELECT id, %(key)s::uuid, owner_id, app_id, %(seq)s::bigint, %(entries)s::integer, %(payload_bytes)s::bigint,
        %(sha256)s::bytea, %(encoding)s::text, %(size_reason)s::text, %(sealed)s::bytea, %(wrapped_key)s::bytea,
        %(at)s::timestamptz, 'stored', 0, 0, 0
    FROM migration_migrationrun WHERE id = %(run)s::uuid
    ON CONFLICT (run_id, key) DO NOTHING RETURNING run_id
)
UPDATE migration_migrationrun r
SET chunks_received = chunks_received + 1, entries_received = entries_received + %(entries)s::integer,
    bytes_received = bytes_received + %(line_bytes)s::bigint, started_at = coalesce(started_at, %(at)s::timestamptz),
    updated_at = %(at)s::timestamptz
FROM stored WHERE r.id = stored.run_id RETURNING true
""")
_FIND = Statement("SELECT sha256, seq FROM migration_chunk WHERE run_id = %(run)s::uuid AND key = %(key)s::uuid")


def finding(*, run_id: UUID, head: ChunkHead) -> Question:
    """Return the question for a chunk of this id; `is_stored` reads the answer."""
    return _FIND.of({"run": run_id, "key": head.id})


def is_stored(found: Rows, head: ChunkHead) -> bool:
    """Tell whether this chunk is stored already. Raises IdempotencyMismatch when its id holds another payload."""
    if not found:
        return False
    [(sha256, seq)] = found
    if (bytes(sha256), seq) != (head.sha256, head.seq):
        raise IdempotencyMismatch("This chunk id was used before with another payload.")
    return True


def storing(*, app_id: UUID, owner_id: UUID, run_id: UUID, head: ChunkHead, body: bytes, at: datetime) -> Question:
    """Seal a chunk and return the question that stores it and raises its run's counters; no row means: not new.

    To be asked once the run's row is locked.
    """
    binding = chunk_binding(app_id=app_id, owner_id=owner_id, run_id=run_id, seq=head.seq, sha256=head.sha256)
    envelope = seal(body, bound_to=binding, keys=encryption_keys())
    said: dict[str, Any] = {
        "run": run_id,
        "key": head.id,
        "seq": head.seq,
        "entries": head.entries,
        "payload_bytes": head.payload_bytes,
        "line_bytes": head.payload_bytes - head.entries,  # the manifest counts lines without their newlines
        "sha256": head.sha256,
        "encoding": head.encoding,
        "size_reason": head.size_reason,
        "sealed": envelope.sealed,
        "wrapped_key": envelope.wrapped_key,
        "at": at,
    }
    return _STORE.of(said)


def outcome_of(stored: Rows, *, run_id: UUID, head: ChunkHead) -> Outcome:
    """Read the answer to `storing`. Raises IdempotencyMismatch where another payload has the chunk's id."""
    if stored:
        return Outcome.STORED
    is_stored(ask(finding(run_id=run_id, head=head)), head)
    return Outcome.DUPLICATE
