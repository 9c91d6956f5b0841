"""Runs on their way to a receipt, many at a time: sealed and loaded, claimed for verification, completed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from migration.asking import ask
from migration.lifecycle.haste import haste
from migration.lifecycle.together import together
from migration.values.questions import Statement

# Nothing but the id is asked for: a row that does not fit yet, because its seal is about to commit, must be waited for.
_LOCK = Statement("""
SELECT id, state = 'transferring' AND upload_state = 'sealed' FROM migration_migrationrun
WHERE id = ANY(%s::uuid[]) ORDER BY id FOR NO KEY UPDATE
""")
_BEGIN = Statement("""
WITH moved AS (
    UPDATE migration_migrationrun r SET state = 'verifying', upload_state = 'consumed', verify_attempts = 0,
           number = number + 1, updated_at = %(at)s::timestamptz
    WHERE r.id = ANY(%(runs)s::uuid[])
      AND NOT EXISTS (SELECT FROM migration_chunk c WHERE c.run_id = r.id AND c.state <> 'loaded')
    RETURNING r.id, r.owner_id, r.number
)
INSERT INTO migration_runevent (run_id, owner_id, number, kind, data, at)
SELECT id, owner_id, number, 'state', '{"from": "transferring", "to": "verifying", "why": "sealed and all loaded"}',
       %(at)s::timestamptz FROM moved RETURNING run_id
""")
# Whose first attempt this is may be taken together; a run that was begun before is taken alone, because it may be what
# ended the worker. The lock goes with the session, whatever happens to it. Large ones let small ones go first, and a
# worker that `rests` leaves them.
_CLAIM = Statement("""
WITH RECURSIVE due AS MATERIALIZED (
    SELECT id, entries_total, verify_attempts AS attempts,
           row_number() OVER (ORDER BY verify_attempts, gives_way, sealed_at) AS place
    FROM migration_migrationrun CROSS JOIN LATERAL (
        SELECT entries_total > %(small)s AND sealed_at > %(since)s::timestamptz AS gives_way
    ) haste WHERE state = 'verifying' AND NOT pause_wished AND NOT (entries_total > %(small)s AND %(rests)s)
    ORDER BY verify_attempts, gives_way, sealed_at LIMIT %(runs)s
), walked(place, id, taken, entries) AS (  -- one by one, so that what is not taken is not locked either
    SELECT 0::bigint, NULL::uuid, false, 0::bigint
    UNION ALL
    SELECT due.place, due.id, tried.taken, walked.entries + CASE WHEN tried.taken THEN due.entries_total ELSE 0 END
    FROM walked JOIN due ON due.place = walked.place + 1 CROSS JOIN LATERAL (
        SELECT (due.attempts = 0 OR due.place = 1)
               AND pg_try_advisory_lock(('x' || left(replace(due.id::text, '-', ''), 16))::bit(64)::bigint) AS taken
        OFFSET 0
    ) tried WHERE walked.entries < %(entries)s
), locked AS MATERIALIZED (
    SELECT id FROM walked WHERE taken
), begun AS (
    UPDATE migration_migrationrun r SET verify_attempts = verify_attempts + 1
    FROM locked WHERE r.id = locked.id AND r.state = 'verifying' RETURNING r.id, r.verify_attempts
)
SELECT locked.id, coalesce(begun.verify_attempts, 0) FROM locked LEFT JOIN begun ON begun.id = locked.id
""")
_UNLOCK = """
SELECT pg_advisory_unlock(('x' || left(replace(id::text, '-', ''), 16))::bit(64)::bigint) FROM unnest(%s::uuid[]) AS id
"""
_FORGIVE = "UPDATE migration_migrationrun SET verify_attempts = greatest(verify_attempts - 1, 0) WHERE id = ANY(%s)"
_COMPLETE = Statement("""
WITH completed AS (
    UPDATE migration_migrationrun r SET state = 'completed', receipt = done.receipt, statement = done.statement::jsonb,
           mismatch = NULL, finished_at = %(at)s::timestamptz, number = number + 1, updated_at = %(at)s::timestamptz
    FROM unnest(%(runs)s::uuid[], %(receipts)s::text[], %(statements)s::text[], %(data)s::text[])
        AS done(id, receipt, statement, data)
    WHERE r.id = done.id AND r.state = 'verifying' RETURNING r.id, r.owner_id, r.number, done.data::jsonb AS data
)
INSERT INTO migration_runevent (run_id, owner_id, number, kind, data, at)
SELECT id, owner_id, number, 'state', data, %(at)s::timestamptz FROM completed RETURNING run_id
""")


@dataclass(frozen=True, slots=True)
class Completion:
    """A run that is done: its signed receipt, the statement inside, and what the timeline counts."""

    run_id: UUID
    receipt: str
    statement: Mapping[str, Any]
    counts: Mapping[str, int]


def begin_verification_if_loaded(run_id: UUID, *, at: datetime) -> bool:
    """Move a run to verifying when its upload is sealed and every chunk is loaded; say whether it moved."""
    return bool(begin_verifications([run_id], at=at))


def begin_verifications(run_ids: Sequence[UUID], *, at: datetime) -> list[UUID]:
    """Move those of these runs to verifying whose upload is sealed and all of whose chunks are loaded; return them.

    Seal and the last batch both call this in their transactions. The runs' rows are locked by a statement of its own,
    so whoever comes second sees what the other committed, and they cannot both miss.
    """
    with together():
        sealed = [run_id for run_id, is_sealed in ask(_LOCK.of([list(run_ids)])) if is_sealed]
        return [run_id for (run_id,) in ask(_BEGIN.of({"at": at, "runs": sealed}))] if sealed else []


def claim_verifications(*, most: int, most_entries: int, at: datetime, rests: bool = False) -> dict[UUID, int]:
    """Claim runs that wait for their receipt, in a commit of its own; return how often each was claimed, this time too.

    Those nobody has begun come together until they announce `most_entries`, the others one at a time. 0: it has moved
    on. All of them must be given back. Who `rests` claims none that is large.
    """
    return dict(ask(_CLAIM.of({"runs": most, "entries": most_entries, "rests": rests, **haste(at)})))


def give_verifications_back(run_ids: Sequence[UUID], *, forgive: bool = False) -> None:
    """Let other workers look at these runs again. A connection that is gone has done so already.

    `forgive` takes this attempt off their count: they were not the cause of its end.
    """
    if run_ids and connection.connection is not None and not connection.connection.closed:
        with connection.cursor() as cursor:
            cursor.execute(_UNLOCK, [list(run_ids)])
            if forgive:
                cursor.execute(_FORGIVE, [list(run_ids)])


def complete_runs(completions: Sequence[Completion], *, at: datetime) -> list[UUID]:
    """Complete runs that are being verified, with their receipts, and note it in their timelines; return them."""
    told = [
        json.dumps({"from": "verifying", "to": "completed", "why": "digests agree", **one.counts})
        for one in completions
    ]
    given = {
        "at": at,
        "runs": [one.run_id for one in completions],
        "receipts": [one.receipt for one in completions],
        "statements": [json.dumps(one.statement) for one in completions],
        "data": told,
    }
    with together():
        return [run_id for (run_id,) in ask(_COMPLETE.of(given))]
