"""What else commits with a batch: quarantine, counters, checkpoints."""

import json
from collections import Counter
from datetime import datetime
from uuid import UUID

from migration.asking import ask
from migration.config import setting
from migration.lifecycle import Batch, checkpoint_chunk, finish_chunks
from migration.loading.parts import POISON, Part
from migration.models import QuarantineEntry
from migration.values.questions import Statement

_COUNT = Statement("""
UPDATE migration_migrationrun r SET
    entries_processed = r.entries_processed + c.processed, bytes_processed = r.bytes_processed + c.bytes,
    entries_stored = r.entries_stored + c.stored, entries_unchanged = r.entries_unchanged + c.unchanged,
    entries_superseded = r.entries_superseded + c.superseded, entries_conflict = r.entries_conflict + c.conflict,
    entries_quarantined = r.entries_quarantined + c.quarantined, entries_deleted = r.entries_deleted + c.deleted,
    chunks_loaded = r.chunks_loaded + c.chunks, number = r.number + 1, updated_at = %s::timestamptz
FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
            %s::bigint[], %s::bigint[], %s::int[])
    AS c(run_id, processed, bytes, stored, unchanged, superseded, conflict, quarantined, deleted, chunks)
WHERE r.id = c.run_id AND r.state = 'transferring' RETURNING true
""")
_TYPES = Statement("SELECT id, types FROM migration_migrationrun WHERE id = ANY(%s::uuid[])")
_SET_TYPES = Statement("""
UPDATE migration_migrationrun r SET types = t.types::jsonb
FROM unnest(%s::uuid[], %s::text[]) AS t(run_id, types) WHERE r.id = t.run_id
""")
_KEEP = Statement("""
INSERT INTO migration_schemasample (app_id, owner_id, run_id, namespace, collection, entries, folded, at)
SELECT s.app_id, s.owner_id, s.run_id, s.namespace, s.collection, s.entries::jsonb, false, %s::timestamptz
FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[])
    AS s(app_id, owner_id, run_id, namespace, collection, entries)
""")
_NAMES = ("processed", "bytes", "stored", "unchanged", "superseded", "conflict", "quarantined", "deleted", "chunks")


def quarantine(parts: list[Part], *, at: datetime) -> int:
    """Keep refused entries verbatim with their reasons; return how many. An entry is quarantined once."""
    entries = [
        QuarantineEntry(
            run_id=part.terms.run_id,
            app_id=part.claim.app_id,
            owner_id=part.claim.owner_id,
            chunk_id=part.claim.id,
            ordinal=refused.row.ordinal,
            seq=part.claim.seq,
            key_hash=refused.row.key_hash,
            fingerprint=refused.row.fingerprint,
            collection=refused.row.collection,
            line=refused.line,
            code=refused.code,
            detail=refused.detail,
            path=refused.path,
            created_at=at,
        )
        for part in parts
        for refused in part.refused
    ]
    QuarantineEntry.objects.bulk_create(entries, ignore_conflicts=True)
    return len(entries)


def count(parts: list[Part], outcomes: dict[UUID, Counter[str]], *, at: datetime) -> bool:
    """Add a batch's outcomes to its runs' counters, locking them; False if a run is no longer where it was."""
    for part in parts:
        tally = outcomes[part.terms.run_id]
        tally["processed"] += part.last - part.first
        tally["bytes"] += part.line_bytes
        tally["quarantined"] += len(part.refused)
        tally["chunks"] += part.is_whole
    runs = sorted(outcomes)
    tallies = ([outcomes[run][name] for run in runs] for name in _NAMES)
    return len(ask(_COUNT.of([at, runs, *tallies]))) == len(runs)


def count_types(parts: list[Part]) -> None:
    """Add the types sampled in a batch to its runs'. The runs are locked, so reading before writing is safe."""
    sampled = [part for part in parts if part.types]
    if not sampled:
        return
    runs = ask(_TYPES.of([list({part.terms.run_id for part in sampled})]))
    known: dict[UUID, dict[str, Counter[str]]] = {
        run_id: {name: Counter(counts) for name, counts in types.items()} for run_id, types in runs
    }
    for part in sampled:
        for name, counts in part.types.items():
            known[part.terms.run_id].setdefault(name, Counter()).update(counts)
    ask(_SET_TYPES.of([list(known), [json.dumps(types) for types in known.values()]]))


def keep_samples(parts: list[Part], *, at: datetime) -> None:
    """Append what was sampled for schemas; the sweeper folds it, so no batch waits for another one here."""
    samples = [
        (
            *(part.claim.app_id, part.claim.owner_id, part.terms.run_id, part.terms.namespace),
            *(collection, json.dumps(entries)),
        )
        for part in parts
        for collection, entries in part.samples.items()
    ]
    if samples:
        ask(_KEEP.of([at, *map(list, zip(*samples, strict=True))]))


def check_off(parts: list[Part], *, at: datetime, strategy: str = "") -> bool:
    """Mark whole chunks loaded and write the checkpoint of partly loaded ones; False if a claim was void."""
    whole = [part.claim for part in parts if part.is_whole]
    size = sum(part.last - part.first for part in parts)
    batch = Batch(size, batch_reason(parts), strategy)
    moved = finish_chunks(whole, at=at, batch=batch) if whole else 0
    for part in parts:
        if not part.is_whole:
            moved += checkpoint_chunk(part.claim, next_ordinal=part.last, span=_next_span(part))
    return moved == len(parts)


def batch_reason(parts: list[Part]) -> str:
    """Say why a batch is as large as it is, as a code."""
    if any(part.claim.span is not None for part in parts):
        return "narrowed_down"
    if any(part.claim.attempts > 1 for part in parts):
        return "tried_alone"
    if sum(part.claim.entries for part in parts) >= setting("BATCH_ENTRIES"):
        return "entries_full"
    return "chunks_full" if len(parts) >= setting("BATCH_CHUNKS") else "all_that_waited"


def _next_span(part: Part) -> int | None:
    """Say how many entries to try next after a success; None: all that are left.

    What failed lies within eight spans of where it was narrowed down, so steps stay as small until eight of them
    are done; growing at once would run into it again with all the rest. Behind the culprit the road is free.
    """
    span = part.claim.span
    if span is None or any(refused.code == POISON for refused in part.refused):
        return None
    if part.last % (8 * span):
        return span
    return span * 8 if span * 8 < part.claim.entries - part.last else None
