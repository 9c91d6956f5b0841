"""What the chunk rows of a run tell: when entries arrived and were loaded, how large batches were, and why.

Postgres adds up; whatever the size of a run, what comes back are a few hundred numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from migration.reports.moments import moment

BUCKETS = 200
"""Points of a rate over time, at most."""
_MOST_GROUPS = 200

# A batch has the moment it began.
_SPAN = """
SELECT min(stored_at), max(stored_at), min(loaded_at),
       max(loaded_at + coalesce(batch_ms, 0) * interval '1 millisecond'), count(*), count(loaded_at),
       coalesce(sum(greatest(fence - 1, 0)), 0)::bigint
FROM migration_chunk WHERE run_id = %(run)s AND owner_id = %(owner)s
"""
# least: the very last moment belongs to the last bucket.
_RATE = """
SELECT least(floor(extract(epoch FROM {column} - %(first)s) / %(width)s), %(last)s)::int, sum(entries)
FROM migration_chunk WHERE run_id = %(run)s AND owner_id = %(owner)s AND {column} IS NOT NULL GROUP BY 1
"""
# A batch loads many chunks, of several runs: those of one run with the same moment, size and time are one batch.
_BATCHES = """
SELECT reason, 10 ^ floor(log(greatest(entries, 1))) AS size, count(*), sum(chunks),
       percentile_disc(0.5) WITHIN GROUP (ORDER BY milliseconds), max(milliseconds)
FROM (SELECT batch_reason AS reason, batch_entries AS entries, batch_ms AS milliseconds, count(*) AS chunks
      FROM migration_chunk WHERE run_id = %(run)s AND owner_id = %(owner)s AND batch_entries IS NOT NULL
      GROUP BY loaded_at, batch_reason, batch_entries, batch_ms) batch
GROUP BY 1, 2 ORDER BY 2, 1 LIMIT %(most)s
"""
_UPLOADS = """
SELECT size_reason, 2 ^ floor(log(2, greatest(payload_bytes, 1))) AS size, count(*), sum(entries)
FROM migration_chunk WHERE run_id = %(run)s AND owner_id = %(owner)s
GROUP BY 1, 2 ORDER BY 2, 1 LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when a run's chunks were stored and loaded, how many there are, and how often one came back."""

    stored_first: datetime | None
    stored_last: datetime | None
    loaded_first: datetime | None
    loaded_last: datetime | None
    chunks: int
    loaded: int
    claimed_again: int


def span_of(*, owner_id: UUID, run_id: UUID) -> Span:
    """Return the span of a run's chunks; of a run without chunks, one of nothing."""
    with connection.cursor() as cursor:
        cursor.execute(_SPAN, {"run": run_id, "owner": owner_id})
        return Span(*cursor.fetchone())


def rates(span: Span, *, owner_id: UUID, run_id: UUID) -> dict[str, Any]:
    """Return entries stored and loaded in each of at most `BUCKETS` equal steps of time, with the step in seconds."""
    first = span.stored_first
    if first is None:
        return {"since": None, "step_seconds": 0.0, "arrived": [], "loaded": []}
    latest = max(one for one in (span.stored_last, span.loaded_last, first) if one)
    seconds = (latest - first).total_seconds()
    width = max(seconds / BUCKETS, 1.0)
    last = min(BUCKETS - 1, int(seconds / width))
    given = {"run": run_id, "owner": owner_id, "first": first, "width": width, "last": last}
    return {
        "since": moment(first),
        "step_seconds": round(width, 3),
        "arrived": _counted(_RATE.format(column="stored_at"), given),
        "loaded": _counted(_RATE.format(column="loaded_at"), given),
    }


def rate_points(rate: Mapping[str, Any], name: str) -> list[tuple[datetime, float]]:
    """Return one of `rates`' counts as entries per second, each at the middle of its step."""
    step, since = float(rate["step_seconds"]), datetime.fromisoformat(rate["since"] or "1970-01-01")
    return [(since + timedelta(seconds=step * (place + 0.5)), count / step) for place, count in enumerate(rate[name])]


def batches(*, owner_id: UUID, run_id: UUID) -> list[dict[str, Any]]:
    """Return the batches that loaded a run by reason and size: `entries_from` is the power of ten at or below it."""
    return [
        {
            "reason": reason,
            "entries_from": int(size),
            "batches": count,
            "chunks": int(chunks),
            "median_ms": median,
            "longest_ms": longest,
        }
        for reason, size, count, chunks, median, longest in _grouped(_BATCHES, owner_id, run_id)
    ]


def uploads(*, owner_id: UUID, run_id: UUID) -> list[dict[str, Any]]:
    """Return a run's chunks by why they were cut and size: `bytes_from` is the power of two at or below it."""
    return [
        {"reason": reason, "bytes_from": int(size), "chunks": count, "entries": int(entries)}
        for reason, size, count, entries in _grouped(_UPLOADS, owner_id, run_id)
    ]


def _counted(statement: str, given: Mapping[str, Any]) -> list[int]:
    counts = [0] * (given["last"] + 1)
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        for place, entries in cursor.fetchall():
            counts[max(0, place)] += int(entries)
    return counts


def _grouped(statement: str, owner_id: UUID, run_id: UUID) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"run": run_id, "owner": owner_id, "most": _MOST_GROUPS})
        return list(cursor.fetchall())
