"""Lines of a backup, written back over what the records hold now: no device's write, so nothing is disputed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection

from migration.loading.ladder import climb_down, refusal_of
from migration.loading.ownership import wait_for_owners
from migration.loading.parts import Part
from migration.loading.staging import ARRAYS, STAGED, as_arrays, stage
from migration.loading.strategies import Strategy
from migration.values.rows import Row

_COLUMNS = """owner_id, namespace, key_hash, revision, seq, device_id, run_id, cause, written_at, form, queryable,
    fingerprint, collection, key_json, value"""

_RESTORE = """
WITH judged AS MATERIALIZED (
    SELECT s.*, r.revision AS old_revision,
        CASE
            WHEN s.value IS NULL AND (r.revision IS NULL OR r.gone) THEN 'unchanged'
            WHEN s.value IS NULL THEN CASE WHEN %(replaces)s THEN 'deleted' ELSE 'kept' END
            WHEN r.revision IS NULL OR r.gone THEN 'came_back'
            WHEN r.fingerprint = s.fingerprint THEN 'unchanged'
            WHEN %(replaces)s THEN 'replaced'
            ELSE 'kept'
        END AS outcome
    FROM {source} LEFT JOIN LATERAL (  -- probed row by row by its key, whatever the planner believes
        SELECT r.revision, r.fingerprint, r.value IS NULL AS gone FROM migration_record r
        WHERE r.owner_id = %(owner)s AND r.namespace = %(namespace)s AND r.key_hash = s.key_hash OFFSET 0
    ) r ON true
    WHERE s.chunk_id = %(part)s
), applied AS MATERIALIZED (
    SELECT j.*, %(risen_to)s + row_number() OVER (ORDER BY place) AS new_revision
    FROM judged j WHERE outcome IN ('came_back', 'replaced', 'deleted')
), history AS (
    INSERT INTO migration_record_version ({columns}, superseded_by)
    SELECT r.owner_id, r.namespace, r.key_hash, r.revision, r.seq, r.device_id, r.run_id, r.cause, r.written_at, r.form,
           r.queryable, r.fingerprint, r.collection, r.key_json, r.value, a.new_revision
    FROM applied a JOIN migration_record r
        ON r.owner_id = %(owner)s AND r.namespace = %(namespace)s AND r.key_hash = a.key_hash
), written AS (
    INSERT INTO migration_record ({columns})
    SELECT %(owner)s, %(namespace)s, key_hash, new_revision, 0, NULL, NULL, 'restore', %(at)s, form, queryable,
           fingerprint, collection, key_json, value
    FROM applied
    ON CONFLICT (owner_id, namespace, key_hash) DO UPDATE SET
        revision = EXCLUDED.revision, seq = EXCLUDED.seq, device_id = EXCLUDED.device_id, run_id = EXCLUDED.run_id,
        cause = EXCLUDED.cause, written_at = EXCLUDED.written_at, form = EXCLUDED.form, queryable = EXCLUDED.queryable,
        fingerprint = EXCLUDED.fingerprint, collection = EXCLUDED.collection, value = EXCLUDED.value
), risen AS (
    UPDATE migration_owner SET revision = revision + (SELECT count(*) FROM applied) WHERE id = %(owner)s
)
SELECT outcome, count(*) FROM judged GROUP BY 1
"""


_OF_STAGE = _RESTORE.format(columns=_COLUMNS, source=STAGED)
_OF_ARRAYS = _RESTORE.format(columns=_COLUMNS, source=ARRAYS)


def restore(part: Part, *, replaces: bool, at: datetime, way: Strategy = Strategy.COPY) -> Counter[str]:
    """Write a part's rows, each key once, in the caller's transaction; return outcomes.

    Outcomes are `came_back`, `replaced`, `deleted`, `unchanged` and `kept`: what differs stays unless `replaces`. What
    Postgres does not take is `refused`. Parts of one transaction must differ in their claim's id.
    """
    outcomes: Counter[str] = Counter()

    def write(rows: Sequence[Row], *, staged: bool = False) -> None:
        outcomes.update(_restored(replace(part, rows=list(rows)), replaces=replaces, at=at, staged=staged))

    if way is Strategy.COPY and refusal_of(partial(write, part.rows, staged=True)) is None:
        return outcomes
    refused = climb_down(part.rows, write, way=way)
    return outcomes + Counter({"refused": len(refused)})


def _restored(part: Part, *, replaces: bool, at: datetime, staged: bool) -> Counter[str]:
    owner_id = part.claim.owner_id
    if staged:
        stage([part])
    revisions = wait_for_owners({owner_id})
    given: dict[str, Any] = {
        "owner": owner_id,
        "namespace": part.terms.namespace,
        "part": part.claim.id,
        "replaces": replaces,
        "risen_to": revisions[owner_id],
        "at": at,
        **({} if staged else as_arrays([part])),
    }
    with connection.cursor() as cursor:
        cursor.execute(_OF_STAGE if staged else _OF_ARRAYS, given)
        return Counter(dict(cursor.fetchall()))
