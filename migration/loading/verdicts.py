"""What becomes of each arriving row, and everything that is written because of it (semantics 2 and 6).

A statement is `ARRIVED` rows, wherever they come from, then `DECIDE`, then what the caller wants to know of `numbered`.
One statement is safe here because the owners were locked by an earlier one: nobody else can change their records, and
under READ COMMITTED this statement's snapshot is younger than the locks.

What `DECIDE` reads of `arrived`: owner_id, namespace, device_id, run_id, seq, follows, is_op, base, settled, policy,
policies, writes, ties (JSON, by collection and for the rest: whether the server wins them), risen_to, horizon (below
it nobody remembers who wrote), place, and the row itself.
"""

# The plan is made once a session, often while the tables are empty, and kept while they fill: what looked like a page
# to read through is then a million rows, for each of thousands. So records are found by their keys and nothing else.
_BY_KEY = """set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
    set_config('enable_mergejoin', 'off', true)"""
BY_KEY = f"SELECT {_BY_KEY}"
PLANNED_ONCE = f"{_BY_KEY}, set_config('plan_cache_mode', 'force_generic_plan', true)"
"""The same, as columns, for a few rows: making a plan for them costs many times more than running it."""

RECORD_COLUMNS = """owner_id, namespace, key_hash, revision, seq, device_id, run_id, cause, written_at, form, queryable,
    fingerprint, collection, key_json, value"""

# Of an op a trace with its own number is itself, come again; the entries of a chunk share their number.
_LATER = "CASE WHEN a.is_op THEN {seq} >= a.seq ELSE {seq} > a.seq END"
_REPEATED = f"""EXISTS (SELECT FROM migration_repetition e
    WHERE e.owner_id = a.owner_id AND e.namespace = a.namespace AND e.key_hash = a.key_hash
      AND e.device_id = a.device_id AND {_LATER.format(seq="e.seq")})"""
_WRITTEN_OVER = f"""EXISTS (SELECT FROM migration_record_version v
    WHERE v.owner_id = a.owner_id AND v.namespace = a.namespace AND v.key_hash = a.key_hash
      AND v.device_id = a.device_id AND {_LATER.format(seq="v.seq")})"""
_DISPUTED = f"""EXISTS (SELECT FROM migration_conflict c
    WHERE c.owner_id = a.owner_id AND c.namespace = a.namespace AND c.key_hash = a.key_hash
      AND c.loser_device_id = a.device_id AND {_LATER.format(seq="c.loser_seq")})"""
_OTHERS_SINCE = """EXISTS (SELECT FROM migration_record_version v
    WHERE v.owner_id = a.owner_id AND v.namespace = a.namespace AND v.key_hash = a.key_hash
      AND v.revision > a.base AND v.device_id IS DISTINCT FROM a.device_id)"""

# Looked at only where there is a tie: reading JSON for every row would cost more than deciding all the rest of it.
_SERVER_WINS = "coalesce(ties::json ->> collection, ties::json ->> '', 'false')::bool"

DECIDE = f"""
judged AS MATERIALIZED (
    SELECT a.*, r.revision AS old_revision, r.form AS old_form, r.value IS NULL AS old_is_gone,
        CASE
            WHEN r.revision IS NULL THEN 'stored'
            -- Chosen in a conflict: whoever holds the other side is to hear of it, whatever the record holds already.
            WHEN a.settled = 'decided' THEN 'stored'
            WHEN r.fingerprint = a.fingerprint THEN 'unchanged'
            WHEN a.settled = 'merged' THEN 'stored'
            -- A chunk loaded span by span may hold a key twice: its own earlier half does not supersede it.
            WHEN r.device_id = a.device_id AND a.seq = r.seq AND a.follows AND r.run_id = a.run_id THEN 'stored'
            WHEN r.device_id = a.device_id AND a.seq <= r.seq THEN 'superseded'
            WHEN {_REPEATED} THEN 'superseded'
            WHEN r.device_id = a.device_id AND a.base IS NULL THEN 'stored'
            WHEN r.value IS NULL AND r.cause = 'rollback' THEN 'stored'
            WHEN r.revision <= a.base THEN 'stored'
            WHEN r.device_id = a.device_id AND a.base >= a.horizon AND NOT {_OTHERS_SINCE} THEN 'stored'
            -- Others wrote since, but over something newer of this very device: a late echo disputes nothing.
            WHEN {_WRITTEN_OVER} OR {_DISPUTED} THEN 'superseded'
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
            WHEN verdict = 'AUTO_MERGE' AND base >= horizon AND settled IS NULL
                 AND form = 1 AND old_form = 1 AND value IS NOT NULL AND NOT old_is_gone THEN 'mergeable'
            WHEN verdict = 'AUTO_OVERWRITE' THEN 'won'
            WHEN verdict = 'AUTO_MERGE' AND value IS NOT NULL AND (old_is_gone OR NOT {_SERVER_WINS}) THEN 'won'
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
    INSERT INTO migration_record_version ({RECORD_COLUMNS}, superseded_by)
    SELECT r.owner_id, r.namespace, r.key_hash, r.revision, r.seq, r.device_id, r.run_id, r.cause, r.written_at, r.form,
           r.queryable, r.fingerprint, r.collection, r.key_json, r.value, a.new_revision
    FROM applied a JOIN migration_record r
        ON r.owner_id = a.owner_id AND r.namespace = a.namespace AND r.key_hash = a.key_hash
    WHERE a.old_revision IS NOT NULL
), disputes AS (
    INSERT INTO migration_conflict (owner_id, namespace, key_hash, key_json, collection, run_id, policy, winner, reason,
        record_revision, base_revision, loser_device_id, loser_seq, loser_form, loser_fingerprint, loser_value, state,
        created_at)
    SELECT p.owner_id, p.namespace, p.key_hash, p.key_json, p.collection, p.run_id, p.verdict,
           CASE WHEN p.outcome = 'won' THEN 'arriving' WHEN p.verdict = 'INTERACTIVE' THEN 'none' ELSE 'server' END,
           CASE WHEN p.verdict = 'INTERACTIVE' THEN 'the policy leaves the choice to people'
                WHEN p.verdict = 'AUTO_MERGE' AND (p.old_is_gone OR p.value IS NULL) THEN 'an edit beats a delete'
                WHEN p.verdict = 'AUTO_MERGE' AND p.outcome = 'won' AND (p.base >= p.horizon) IS NOT TRUE
                    THEN 'no common base: the arriving write wins'
                WHEN p.verdict = 'AUTO_MERGE' AND p.outcome = 'won' THEN 'cannot be merged: the arriving write wins'
                WHEN p.verdict = 'AUTO_MERGE' THEN 'cannot be merged: the server has the last word'
                WHEN p.outcome = 'won' THEN 'the policy takes the arriving write'
                ELSE 'the policy keeps what the server holds' END,
           coalesce(p.new_revision, p.old_revision), p.base,
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
    RETURNING id, key_hash
), inserted AS (  -- nobody else can insert under the owner's lock, so there is nothing to arbitrate
    INSERT INTO migration_record ({RECORD_COLUMNS})
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
), repeated AS (  -- it says what another has written: the record stays the other's, so the trace is kept here
    INSERT INTO migration_repetition AS e (owner_id, namespace, key_hash, device_id, seq, revision, noted_at)
    SELECT p.owner_id, p.namespace, p.key_hash, p.device_id, p.seq, p.old_revision, %(at)s
    FROM numbered p JOIN migration_record r
        ON r.owner_id = p.owner_id AND r.namespace = p.namespace AND r.key_hash = p.key_hash
    WHERE p.outcome = 'unchanged' AND p.writes AND p.device_id IS NOT NULL
      AND r.device_id IS DISTINCT FROM p.device_id
    ON CONFLICT (owner_id, namespace, key_hash, device_id)
        DO UPDATE SET seq = EXCLUDED.seq, revision = EXCLUDED.revision, noted_at = EXCLUDED.noted_at
        WHERE e.seq < EXCLUDED.seq
), risen AS (
    UPDATE migration_owner o SET revision = top.revision
    FROM (SELECT owner_id, max(new_revision) AS revision FROM applied GROUP BY owner_id) top
    WHERE o.id = top.owner_id
)
"""
