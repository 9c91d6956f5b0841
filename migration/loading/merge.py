"""Statement 3 of a batch: decide for every row, then write history, records and conflicts.

The rows are staged, or come as arrays with the statement: for a few of them a temporary table costs more than the rows.
"""

import json
from collections import Counter
from datetime import datetime
from uuid import UUID

from migration.asking import ask_all
from migration.loading.parts import Part
from migration.loading.staging import ARRAYS, STAGED, as_arrays
from migration.loading.verdicts import BY_KEY, DECIDE
from migration.values.questions import Question, Statement

_MERGE = """
WITH part AS (
    SELECT * FROM unnest(%(chunk)s::bigint[], %(owner)s::uuid[], %(namespace)s::text[], %(device)s::uuid[],
                         %(run)s::uuid[], %(seq)s::bigint[], %(follows)s::bool[], %(policy)s::text[],
                         %(policies)s::text[], %(ties)s::text[], %(writes)s::bool[], %(risen_to)s::bigint[])
        AS p(chunk_id, owner_id, namespace, device_id, run_id, seq, follows, policy, policies, ties, writes, risen_to)
), arrived AS (
    SELECT p.*, false AS is_op, NULL::bigint AS base, NULL::text AS settled,
           0::bigint AS horizon, s.place, s.key_hash, s.fingerprint, s.form, s.queryable, s.collection, s.key_json,
           s.value
    FROM {source} JOIN part p USING (chunk_id)
), {decide}
SELECT run_id, CASE WHEN outcome = 'won' THEN 'stored' ELSE outcome END AS outcome, count(*),
       count(*) FILTER (WHERE value IS NULL AND outcome IN ('stored', 'won'))
FROM numbered GROUP BY 1, 2
"""
_OF_STAGE = Statement(_MERGE.format(source=STAGED, decide=DECIDE))
_OF_ARRAYS = Statement(_MERGE.format(source=ARRAYS, decide=DECIDE))
_BY_KEY = Question(BY_KEY, [])


def merge(
    parts: list[Part], *, revisions: dict[UUID, int], at: datetime, cause: str = "run", staged: bool = True
) -> dict[UUID, Counter[str]]:
    """Merge `parts`, whose owners are locked at `revisions`; return outcomes by run.

    Their rows are `staged`, or else travel with the statement. `cause` is what the records will say brought them.

    Outcomes are `stored`, `unchanged`, `superseded`, `conflict` (disjoint; they sum to the parts' rows) and,
    beside them, `deleted`: how many of the stored were tombstones.
    """
    given = {
        **_columns(parts),
        "risen_to": [revisions[part.claim.owner_id] for part in parts],
        "at": at,
        "cause": cause,
        **({} if staged else as_arrays(parts)),
    }
    # Planning this one takes longer than loading a small user with it.
    _, found = ask_all([_BY_KEY, (_OF_STAGE if staged else _OF_ARRAYS).of(given)])
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
        "ties": [json.dumps(part.terms.ties) for part in parts],
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
