"""Statement 3: decide for every staged row, then write history, records and conflicts (semantics 2 and 6).

One statement is safe here because the owners were locked by an earlier one: nobody else can change their
records, and under READ COMMITTED this statement's snapshot is younger than the locks.
"""

import json
from collections import Counter
from datetime import datetime
from uuid import UUID

import psycopg
from django.db import connection

from migration.loading.parts import Part

# The plan is made once a session, often while the tables are empty, and kept while they fill: what looked like a page
# to read through is then a million rows, for each of thousands. So records are found by their keys and nothing else.
_BY_KEY = """SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
    set_config('enable_mergejoin', 'off', true)"""

_COLUMNS = """owner_id, namespace, key_hash, revision, seq, device_id, run_id, cause, written_at, form, queryable,
    fingerprint, collection, key_json, value"""

_MERGE = f"""
WITH part AS (
    SELECT * FROM unnest(%(chunk)s::bigint[], %(owner)s::uuid[], %(namespace)s::text[], %(device)s::uuid[],
                         %(run)s::uuid[], %(seq)s::bigint[], %(follows)s::bool[], %(policy)s::text[],
                         %(policies)s::text[], %(writes)s::bool[], %(risen_to)s::bigint[])
        AS p(chunk_id, owner_id, namespace, device_id, run_id, seq, follows, policy, policies, writes, risen_to)
), arrived AS (
    SELECT p.*, s.place, s.key_hash, s.fingerprint, s.form, s.queryable, s.collection, s.key_json, s.value
    FROM migration_stage s JOIN part p USING (chunk_id)
), judged AS MATERIALIZED (
    SELECT a.*, r.revision AS old_revision,
        CASE
            WHEN r.revision IS NULL THEN 'stored'
            WHEN r.fingerprint = a.fingerprint THEN 'unchanged'
            -- A chunk loaded span by span may hold a key twice: its own earlier half does not supersede it.
            WHEN r.device_id = a.device_id AND a.seq = r.seq AND a.follows AND r.run_id = a.run_id THEN 'stored'
            WHEN r.device_id = a.device_id AND a.seq <= r.seq THEN 'superseded'
            WHEN r.device_id = a.device_id THEN 'stored'
            WHEN r.value IS NULL AND r.cause = 'rollback' THEN 'stored'
            -- Others wrote since, but over something newer of this very device: a late echo disputes nothing.
            WHEN EXISTS (SELECT FROM migration_record_version v
                         WHERE v.owner_id = a.owner_id AND v.namespace = a.namespace AND v.key_hash = a.key_hash
                           AND v.device_id = a.device_id AND v.seq > a.seq)
              OR EXISTS (SELECT FROM migration_conflict c
                         WHERE c.owner_id = a.owner_id AND c.namespace = a.namespace AND c.key_hash = a.key_hash
                           AND c.loser_device_id = a.device_id AND c.loser_seq > a.seq) THEN 'superseded'
            ELSE coalesce(a.policies::json ->> a.collection, a.policy)
        END AS verdict
    FROM arrived a LEFT JOIN LATERAL (  -- probed row by row by its key, whatever the planner believes (below)
        SELECT * FROM migration_record r
        WHERE r.owner_id = a.owner_id AND r.namespace = a.namespace AND r.key_hash = a.key_hash OFFSET 0
    ) r ON true
), plan AS (
    SELECT j.*,
        CASE
            WHEN verdict IN ('stored', 'unchanged', 'superseded') THEN verdict
            WHEN verdict = 'AUTO_OVERWRITE' OR (verdict = 'AUTO_MERGE' AND value IS NOT NULL) THEN 'won'
            ELSE 'conflict'
        END AS outcome
    FROM judged j
), numbered AS MATERIALIZED (
    SELECT plan.*, CASE WHEN writes AND outcome IN ('stored', 'won') THEN risen_to
        + count(*) FILTER (WHERE outcome IN ('stored', 'won')) OVER (PARTITION BY owner_id ORDER BY place) END
        AS new_revision
    FROM plan
), applied AS (
    SELECT * FROM numbered WHERE new_revision IS NOT NULL
), history AS (
    INSERT INTO migration_record_version ({_COLUMNS}, superseded_by)
    SELECT r.owner_id, r.namespace, r.key_hash, r.revision, r.seq, r.device_id, r.run_id, r.cause, r.written_at, r.form,
           r.queryable, r.fingerprint, r.collection, r.key_json, r.value, a.new_revision
    FROM applied a JOIN migration_record r
        ON r.owner_id = a.owner_id AND r.namespace = a.namespace AND r.key_hash = a.key_hash
    WHERE a.old_revision IS NOT NULL
), disputes AS (
    INSERT INTO migration_conflict (owner_id, namespace, key_hash, key_json, collection, run_id, policy, winner, reason,
        record_revision, loser_device_id, loser_seq, loser_form, loser_fingerprint, loser_value, state, created_at)
    SELECT p.owner_id, p.namespace, p.key_hash, p.key_json, p.collection, p.run_id, p.verdict,
           CASE WHEN p.outcome = 'won' THEN 'arriving' WHEN p.verdict = 'INTERACTIVE' THEN 'none' ELSE 'server' END,
           CASE WHEN p.outcome = 'won' THEN 'no common base: the arriving write wins'
                WHEN p.verdict = 'INTERACTIVE' THEN 'the policy leaves the choice to people'
                WHEN p.verdict = 'AUTO_MERGE' THEN 'an edit beats a delete'
                ELSE 'the policy keeps what the server holds' END,
           coalesce(p.new_revision, p.old_revision),
           CASE WHEN p.outcome = 'won' THEN r.device_id ELSE p.device_id END,
           CASE WHEN p.outcome = 'won' THEN r.seq ELSE p.seq END,
           CASE WHEN p.outcome = 'won' THEN r.form ELSE p.form END,
           CASE WHEN p.outcome = 'won' THEN r.fingerprint ELSE p.fingerprint END,
           CASE WHEN p.outcome = 'won' THEN r.value ELSE p.value END,
           CASE WHEN p.verdict = 'INTERACTIVE' THEN 'open' ELSE 'decided' END, %(at)s
    FROM numbered p
    JOIN migration_record r ON r.owner_id = p.owner_id AND r.namespace = p.namespace AND r.key_hash = p.key_hash
    WHERE p.outcome IN ('won', 'conflict') AND p.writes
    -- The same loser again: how new it was decides later whether something of its device is an echo.
    ON CONFLICT ON CONSTRAINT conflict_once DO UPDATE
        SET loser_seq = greatest(migration_conflict.loser_seq, EXCLUDED.loser_seq)
        WHERE migration_conflict.loser_device_id = EXCLUDED.loser_device_id
), inserted AS (  -- nobody else can insert under the owner's lock, so there is nothing to arbitrate
    INSERT INTO migration_record ({_COLUMNS})
    SELECT owner_id, namespace, key_hash, new_revision, seq, device_id, run_id, %(cause)s, %(at)s, form, queryable,
           fingerprint, collection, key_json, value
    FROM applied WHERE old_revision IS NULL
), updated AS (
    UPDATE migration_record r SET
        revision = a.new_revision, seq = a.seq, device_id = a.device_id, run_id = a.run_id, cause = %(cause)s,
        written_at = %(at)s, form = a.form, queryable = a.queryable, fingerprint = a.fingerprint,
        collection = a.collection, value = a.value
    FROM applied a
    WHERE a.old_revision IS NOT NULL
      AND r.owner_id = a.owner_id AND r.namespace = a.namespace AND r.key_hash = a.key_hash
), reaffirmed AS (  -- the device says the same in a newer chunk: what it wrote before that must not come after it
    UPDATE migration_record r SET seq = p.seq FROM numbered p
    WHERE p.outcome = 'unchanged' AND p.writes AND r.owner_id = p.owner_id AND r.namespace = p.namespace
      AND r.key_hash = p.key_hash AND r.device_id = p.device_id AND r.seq < p.seq
), risen AS (
    UPDATE migration_owner o SET revision = top.revision
    FROM (SELECT owner_id, max(new_revision) AS revision FROM applied GROUP BY owner_id) top
    WHERE o.id = top.owner_id
)
SELECT run_id, CASE WHEN outcome = 'won' THEN 'stored' ELSE outcome END AS outcome, count(*),
       count(*) FILTER (WHERE value IS NULL AND outcome IN ('stored', 'won'))
FROM numbered GROUP BY 1, 2
"""


def merge(
    parts: list[Part], *, revisions: dict[UUID, int], at: datetime, cause: str = "run"
) -> dict[UUID, Counter[str]]:
    """Merge what is staged for `parts`, whose owners are locked at `revisions`; return outcomes by run.

    `cause` is what the records will say brought them.

    Outcomes are `stored`, `unchanged`, `superseded`, `conflict` (disjoint; they sum to the parts' rows) and,
    beside them, `deleted`: how many of the stored were tombstones.
    """
    given = {
        **_columns(parts),
        "risen_to": [revisions[part.claim.owner_id] for part in parts],
        "at": at,
        "cause": cause,
    }
    connection.ensure_connection()
    # psycopg's own cursor: Django's fills parameters in on this side, and a statement that differs each time is
    # planned each time. Planning this one takes longer than loading a small user with it.
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(_BY_KEY)
        found = cursor.execute(_MERGE, given, prepare=True).fetchall()
    outcomes: dict[UUID, Counter[str]] = {part.terms.run_id: Counter() for part in parts}
    for run_id, outcome, count, deleted in found:
        outcomes[run_id][outcome] += count
        outcomes[run_id]["deleted"] += deleted
    _count_overtaken(parts, outcomes)
    return outcomes


def _columns(parts: list[Part]) -> dict[str, list[object]]:
    return {
        "chunk": [part.claim.id for part in parts],
        "owner": [part.claim.owner_id for part in parts],
        "namespace": [part.terms.namespace for part in parts],
        "device": [part.terms.device_id for part in parts],
        "run": [part.terms.run_id for part in parts],
        "seq": [part.claim.seq for part in parts],
        "follows": [part.first > 0 for part in parts],
        "policy": [part.terms.policy for part in parts],
        "policies": [json.dumps(part.terms.collection_policies) for part in parts],
        "writes": [part.terms.writes for part in parts],
    }


def _count_overtaken(parts: list[Part], outcomes: dict[UUID, Counter[str]]) -> None:
    """Rows overtaken by a later one of the same batch never reached the plan: they are superseded too."""
    staged: Counter[UUID] = Counter()
    for part in parts:
        staged[part.terms.run_id] += len(part.rows)
    for run_id, count in staged.items():
        decided = sum(outcomes[run_id][name] for name in ("stored", "unchanged", "superseded", "conflict"))
        outcomes[run_id]["superseded"] += count - decided
