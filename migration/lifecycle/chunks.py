"""Moves of chunks, many at a time. A claim is a commit of its own (semantics 5).

Inside the batch's transaction a crash would undo the attempts counter, and a chunk that kills its worker would
loop for ever. The worker's number is also the key of a session advisory lock it holds: when its connection dies
the lock goes, so a dead worker's claims can be released without waiting for their lease to end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from migration.asking import ask
from migration.lifecycle.haste import haste
from migration.values.questions import Statement

WORKER_LOCKS = 0x73796E63
"""First key of the advisory locks workers hold on their numbers ("sync")."""

# Round-robin over apps (`rank` counts within an app), one run per owner, a run that failed a batch alone.
# Each app is looked into by itself and only chunks that may be loaded count: neither a long queue of one app nor
# what a stopped run left behind may fill the window. The recursion hops over the index from app to app.
# Large chunks let small ones go first (`gives_way`): a batch takes as long as the largest in it. While other apps are
# about, those of an app another worker has a large one of are left to it. A worker that `rests` leaves all of them.
_CLAIM = Statement("""
WITH RECURSIVE busy(app_id) AS (
    (SELECT app_id FROM migration_chunk WHERE state = 'stored' ORDER BY app_id LIMIT 1)
    UNION ALL
    SELECT (SELECT c.app_id FROM migration_chunk c WHERE c.state = 'stored' AND c.app_id > busy.app_id
            ORDER BY c.app_id LIMIT 1)
    FROM busy WHERE busy.app_id IS NOT NULL
), waiting AS (
    SELECT c.*,
           row_number() OVER (PARTITION BY c.app_id ORDER BY c.id) AS rank,
           first_value(c.run_id) OVER (PARTITION BY c.owner_id ORDER BY c.id) AS owners_run
    FROM busy JOIN migration_app a ON a.id = busy.app_id AND a.is_active CROSS JOIN LATERAL (
        SELECT c.id, c.entries, c.owner_id, c.run_id, c.app_id, c.attempts
        FROM migration_chunk c
        JOIN migration_migrationrun r ON r.id = c.run_id
        -- A rollback ends the runs before it. A change of stage does not: how they are merged is read for each batch.
        JOIN migration_owner o ON o.id = c.owner_id AND split_part(r.epoch, '.', 2) = o.epoch::text
        WHERE c.state = 'stored' AND c.app_id = a.id
          AND r.state = 'transferring' AND NOT r.pause_wished AND NOT r.cancel_wished
        ORDER BY c.id LIMIT %(window)s
    ) c
), chosen AS (
    SELECT w.id, w.entries, w.attempts, w.rank FROM waiting w
    WHERE w.run_id = w.owners_run AND (w.attempts = 0 OR w.rank = 1)
      AND NOT (w.entries > %(small)s AND (
          %(rests)s OR array_remove(%(about)s::uuid[], w.app_id) <> '{}' AND w.app_id IN (
              SELECT o.app_id FROM migration_chunk o WHERE o.state = 'claimed' AND o.lease_until > %(at)s::timestamptz
                  AND o.entries > %(small)s AND o.holder <> %(holder)s)))
    ORDER BY w.rank, w.id LIMIT %(chunks)s
), locked AS (  -- what follows reads only this: a lock returns the row as it is now, not as the snapshot saw it
    SELECT c.id, chosen.rank, c.entries, c.attempts, c.span,
           c.entries > %(small)s AND c.stored_at > %(since)s::timestamptz AS gives_way,
           least(coalesce(c.span, c.entries), c.entries - c.next_ordinal) AS tried
    FROM migration_chunk c JOIN chosen USING (id)
    WHERE c.state = 'stored' ORDER BY chosen.rank, c.id FOR UPDATE OF c SKIP LOCKED
), budgeted AS (
    SELECT *, sum(entries) OVER (ORDER BY gives_way, rank, id) - entries AS before,
           bool_and(gives_way) OVER () AS all_large,
           row_number() OVER (ORDER BY attempts DESC, rank, id) AS place,
           max(attempts) OVER () AS worst
    FROM locked
), taken AS (
    -- What failed in company is tried alone and whole (a worker's death proves nothing against its other chunks);
    -- what failed alone, an eighth of it. An entry that comes to be alone has its attempts anew.
    SELECT id, tried, CASE WHEN attempts = 0 OR (attempts = 1 AND span IS NULL AND tried > 1) THEN span
                           ELSE greatest(1, ceil(tried / 8.0)::int) END AS span
    FROM budgeted
    WHERE (worst = 0 AND before < %(entries)s AND (all_large OR NOT gives_way)) OR (worst > 0 AND place = 1)
)
UPDATE migration_chunk c
SET state = 'claimed', lease_until = %(until)s, holder = %(holder)s, fence = c.fence + 1, span = taken.span,
    attempts = CASE WHEN c.attempts > 0 AND taken.span = 1 AND (taken.tried > 1 OR c.span IS NULL) THEN 1
                    ELSE c.attempts + 1 END
FROM taken WHERE c.id = taken.id
RETURNING c.id, c.key, c.run_id, c.owner_id, c.app_id, c.seq, c.entries, c.payload_bytes, c.sha256, c.encoding,
          c.sealed_payload, c.wrapped_key, c.fence, c.attempts, c.next_ordinal, c.span
""")
_FINISH = Statement("""
UPDATE migration_chunk c SET state = 'loaded', loaded_at = %s::timestamptz, lease_until = NULL, holder = NULL,
       attempts = 0, next_ordinal = c.entries, batch_entries = %s::int, batch_reason = %s::text,
       batch_strategy = %s::text,
       -- Asked once for all rows: a batch's chunks are known to be one batch's by having the same time.
       batch_ms = (SELECT (1000 * extract(epoch FROM clock_timestamp() - transaction_timestamp()))::int)
FROM unnest(%s::bigint[], %s::bigint[]) AS claim(id, fence)
WHERE c.id = claim.id AND c.fence = claim.fence AND c.state = 'claimed' RETURNING true
""")


@dataclass(frozen=True, slots=True)
class ClaimedChunk:
    """A chunk this worker may load while its lease lasts and its fence is the highest."""

    id: int
    key: UUID
    run_id: UUID
    owner_id: UUID
    app_id: UUID
    seq: int
    entries: int
    payload_bytes: int
    sha256: bytes
    encoding: str
    sealed_payload: bytes
    wrapped_key: bytes
    fence: int
    attempts: int
    next_ordinal: int
    span: int | None


def claim_chunks(
    *,
    holder: int,
    at: datetime,
    lease_seconds: int,
    max_chunks: int,
    max_entries: int,
    about: Sequence[UUID] = (),
    rests: bool = False,
) -> list[ClaimedChunk]:
    """Claim waiting chunks of many runs in one commit; return them in order (run, seq, id).

    `about` are the apps that are so, and who `rests` takes nothing large (`haste.Company` tells both). A chunk that was
    claimed before in vain comes alone; in vain again, with a `span` of entries to try per commit.
    """
    given = {
        "holder": holder,
        "until": at + timedelta(seconds=lease_seconds),
        "chunks": max_chunks,
        "entries": max_entries,
        "at": at,
        "about": list(about),
        "rests": rests,
        **haste(at),
        "window": max_chunks * 4,
    }
    claims = [ClaimedChunk(*row) for row in ask(_CLAIM.of(given))]
    return sorted(claims, key=lambda claim: (claim.run_id, claim.seq, claim.id))


@dataclass(frozen=True, slots=True)
class Batch:
    """Of how many entries a batch was, why of so many, and by which strategy they were written."""

    entries: int | None = None
    reason: str = ""
    strategy: str = ""


def finish_chunks(claims: list[ClaimedChunk], *, at: datetime, batch: Batch = Batch()) -> int:
    """Mark claimed chunks loaded, each only under its own fence; return how many moved.

    Each remembers its batch, and how long its transaction has taken until now.
    """
    given = [
        *(at, batch.entries, batch.reason, batch.strategy),
        *([claim.id for claim in claims], [claim.fence for claim in claims]),
    ]
    return len(ask(_FINISH.of(given)))


def release_chunks(claims: list[ClaimedChunk], *, forgive: bool = False) -> int:
    """Give claimed chunks back (their fence permitting) and return how many moved.

    `forgive` sets their attempts to naught: they were not the cause.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE migration_chunk c SET state = 'stored', lease_until = NULL, holder = NULL,
                      attempts = CASE WHEN %s THEN 0 ELSE c.attempts END
               FROM unnest(%s::bigint[], %s::bigint[]) AS claim(id, fence)
               WHERE c.id = claim.id AND c.fence = claim.fence AND c.state = 'claimed'""",
            [forgive, [claim.id for claim in claims], [claim.fence for claim in claims]],
        )
        return int(cursor.rowcount)


def checkpoint_chunk(claim: ClaimedChunk, *, next_ordinal: int, span: int | None) -> int:
    """Give one partly loaded chunk back with how far it has come; return 1, or 0 when the claim is void.

    `span` is how many entries to try next (None: all that are left). Progress clears the attempts.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE migration_chunk SET state = 'stored', lease_until = NULL, holder = NULL, attempts = 0,
                      next_ordinal = %s, span = %s
               WHERE id = %s AND fence = %s AND state = 'claimed'""",
            [next_ordinal, span, claim.id, claim.fence],
        )
        return int(cursor.rowcount)


def release_dead_claims(*, at: datetime) -> int:
    """Give back chunks whose lease has ended or whose worker's connection is gone; return how many.

    Chunks a batch is about to commit are passed over: waiting for a stalled one would stop all clearing up.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE migration_chunk c SET state = 'stored', lease_until = NULL, holder = NULL
               FROM (SELECT id FROM migration_chunk
                     WHERE state = 'claimed' AND (lease_until < %s OR holder NOT IN (
                         SELECT objid::bigint FROM pg_locks
                         WHERE locktype = 'advisory' AND classid = %s AND objsubid = 2 AND granted
                           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())))
                     FOR UPDATE SKIP LOCKED) dead
               WHERE c.id = dead.id""",
            [at, WORKER_LOCKS],
        )
        return int(cursor.rowcount)
