"""What was decided while a run moved: how large chunks and batches were, what was tried again, who wins; and why."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from migration.models import MigrationRun

# One question for all of it. A batch loads many chunks: those of one run with the same moment, size and time are one.
_DECIDED = """
WITH chunk AS NOT MATERIALIZED (SELECT * FROM migration_chunk WHERE run_id = %(run)s AND owner_id = %(owner)s)
SELECT 'chunk', size_reason, count(*), min(payload_bytes), max(payload_bytes), min(stored_at), max(stored_at)
FROM chunk GROUP BY size_reason
UNION ALL
SELECT 'batch', batch_reason, count(*), min(batch_entries), max(batch_entries), min(loaded_at), max(loaded_at)
FROM (SELECT DISTINCT loaded_at, batch_reason, batch_entries, batch_ms FROM chunk WHERE batch_entries IS NOT NULL) batch
GROUP BY batch_reason
UNION ALL
SELECT 'strategy', batch_strategy, count(*), min(batch_entries), max(batch_entries), min(loaded_at), max(loaded_at)
FROM (SELECT DISTINCT loaded_at, batch_strategy, batch_entries, batch_ms FROM chunk WHERE batch_strategy <> '') batch
GROUP BY batch_strategy
UNION ALL
SELECT 'again', '', count(*), min(fence - 1), max(fence - 1), min(stored_at), max(loaded_at)
FROM chunk WHERE fence > 1 HAVING count(*) > 0
UNION ALL
SELECT 'repair', '', count(*), 0, 0, min(at), max(at)
FROM migration_runevent WHERE run_id = %(run)s AND owner_id = %(owner)s AND kind = 'verified' HAVING count(*) > 0
"""
_ORDER = ("policy", "chunk", "batch", "strategy", "again", "repair")


@dataclass(frozen=True, slots=True)
class Decision:
    """One kind of choice with its reason: how often it was made, and between which moments.

    `kind`: `policy` (who wins a conflict; `reason` says who said so), `chunk` (bytes of a chunk, `lowest` to
    `highest`), `batch` (entries of a batch), `strategy` (how batches were
    written), `again` (chunks claimed more than once, and how many times more),
    `repair` (rounds in which what was stored did not agree with the manifest). `reason` is a code, empty where none
    was given; `subject` is the policy, and the collection where it has one of its own.
    """

    kind: str
    reason: str
    count: int
    lowest: int
    highest: int
    first: datetime | None
    last: datetime | None
    subject: tuple[str, str] = ("", "")


def decisions(run: MigrationRun) -> list[Decision]:
    """Return what was decided for a run, in the order of its road; its app is at hand."""
    given = {"run": run.id, "owner": run.owner_id}
    with connection.cursor() as cursor:
        cursor.execute(_DECIDED, given)
        found = [Decision(*row) for row in cursor.fetchall()]
    return sorted(
        [*_policies(run), *found], key=lambda one: (_ORDER.index(one.kind), one.subject[1], -one.count, one.reason)
    )


def _policies(run: MigrationRun) -> list[Decision]:
    """Return the run's policy, and those of collections that have their own."""
    said = "run" if run.options.get("conflictResolution") else "app"
    policies = [(said, (run.conflict_policy, "")), *(("collection", own) for own in _own(run))]
    return [Decision("policy", reason, 1, 0, 0, run.created_at, run.created_at, own) for reason, own in policies]


def _own(run: MigrationRun) -> list[tuple[str, str]]:
    moved = {one.get("name") for one in run.manifest.get("collections", [])}
    declared: list[dict[str, Any]] = run.app.collections
    named = [one for one in declared if one.get("conflict_policy") and one["name"] in moved]
    return [(one["conflict_policy"], one["name"]) for one in named]
