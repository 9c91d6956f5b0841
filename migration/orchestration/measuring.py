"""The figures gates are made of, and how both sides do: a few questions for an app, whatever its tables hold."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from migration.config import limit_of
from migration.cutover import HAS_RECEIPT
from migration.cutover.gates import Comparisons, Figures
from migration.models import REST, App, CollectionStage, RollbackProof
from migration.values.latencies import quantile

OUTBOX_SECONDS = 3_600
"""What a device said of its outbox counts for so long, s."""
MOST_APART = 100_000
"""Open conflicts, and quarantined entries, that are counted; more are only more."""

_DEVICES = f"""
SELECT count(*), count(*) FILTER (WHERE {HAS_RECEIPT.format(device="d.id")})
FROM migration_device d JOIN migration_owner o ON o.id = d.owner_id
WHERE o.app_id = %(app)s AND o.kind <> 'erased' AND coalesce(d.last_seen_at, d.created_at) >= %(since)s
"""
_APART = f"""
SELECT collection, count(*) FROM (
    (SELECT c.collection FROM migration_conflict c JOIN migration_owner o ON o.id = c.owner_id
     WHERE c.state = 'open' AND o.app_id = %(app)s LIMIT {MOST_APART})
    UNION ALL
    (SELECT q.collection FROM migration_quarantineentry q JOIN migration_migrationrun r ON r.id = q.run_id
     WHERE q.state = 'open' AND r.app_id = %(app)s LIMIT {MOST_APART})) apart
GROUP BY collection
"""
_OUTBOXES = """
SELECT {by}, count(*), percentile_disc(0.99) WITHIN GROUP (ORDER BY CASE WHEN count > 0 THEN oldest_seconds ELSE 0 END)
FROM migration_deviceoutbox WHERE app_id = %(app)s AND at >= %(since)s GROUP BY 1
"""
_WINDOWS = "unnest(%(collections)s::text[], %(kinds)s::text[], %(since)s::timestamptz[]) AS w(collection, kind, since)"
_MINUTES = "migration_comparisonminute m ON m.app_id = %(app)s AND m.collection = w.collection AND m.minute >= w.since"
_COMPARED = f"""
SELECT w.collection, w.kind, sum(m.compared)::bigint, sum(m.agreed)::bigint, sum(m.noise)::bigint,
       sum(m.errors)::bigint, bit_count(bit_or(m.seen)::bit(64)), bit_count(bit_or(m.amiss)::bit(64))
FROM {_WINDOWS} JOIN {_MINUTES} GROUP BY w.collection, w.kind
"""
_LATENCIES = f"""
SELECT w.collection, w.kind, l.place::int, sum(l.count::bigint)::bigint
FROM {_WINDOWS} JOIN {_MINUTES} CROSS JOIN LATERAL jsonb_each_text(m.latency) AS l(place, count)
GROUP BY w.collection, w.kind, l.place
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one collection: the figures its gates look at, and what was compared in the window of breaches."""

    figures: Figures
    lately: Comparisons


def measure(*, app: App, since: Mapping[str, datetime], at: datetime) -> dict[str, Measured]:
    """Return the figures of these collections of an app ({collection, empty for the rest: when its stage began}).

    What was compared before the stage began, or in its first, broken minute, does not count.
    """
    devices, receipts = _devices(app, at)
    apart, boxes, proof = _apart(app, since), outboxes(app, at), _newest_proof(app)
    compared = _compared(app, since, at)
    count, age = boxes.get("all", (0, None))
    return {
        collection: Measured(
            Figures(
                devices=devices,
                receipts=receipts,
                apart=apart[collection],
                outboxes=count,
                outbox_p99=age,
                proof_age=(at - proof.at).total_seconds() if proof else None,
                proof_holds=proof is not None and proof.passed,
                comparisons=compared.get((collection, "gate"), Comparisons()),
            ),
            compared.get((collection, "breach"), Comparisons()),
        )
        for collection in since
    }


def standing_since(app: App, names: Iterable[str]) -> dict[str, datetime]:
    """Return since when collections stand where they do: who has no row of its own as long as the rest, or the app."""
    changed = dict(CollectionStage.objects.filter(app=app).values_list("collection", "changed_at"))
    rest = changed.get(REST, app.created_at)
    return {name: changed.get(name, rest) for name in sorted(set(names))}


def _devices(app: App, at: datetime) -> tuple[int, int]:
    since = at - timedelta(days=limit_of(app.limits, "STRAGGLER_DAYS"))
    ((devices, receipts),) = rows(_DEVICES, app=app.id, since=since)
    return devices, receipts


def _apart(app: App, known: Iterable[str]) -> dict[str, int]:
    """Count what is open by collection; of those without a line of their own as of the rest."""
    counted = dict.fromkeys([REST, *known], 0)
    for collection, count in rows(_APART, app=app.id):
        counted[collection if collection in counted else REST] += count
    return counted


def outboxes(app: App, at: datetime, *, by: str = "'all'") -> dict[str, tuple[int, float]]:
    """Return, by a column, how many devices told of their outbox and what age 99 % of the oldest do not pass, s."""
    found = rows(_OUTBOXES.format(by=by), app=app.id, since=at - timedelta(seconds=OUTBOX_SECONDS))
    return {name: (count, age) for name, count, age in found}


def _newest_proof(app: App) -> RollbackProof | None:
    return RollbackProof.objects.filter(app=app).order_by("-at").first()


def _compared(app: App, since: Mapping[str, datetime], at: datetime) -> dict[tuple[str, str], Comparisons]:
    spans = {kind: timedelta(seconds=limit_of(app.limits, name)) for kind, name in _SPANS.items()}
    windows = [(one, kind, max(began, at - span)) for one, began in since.items() for kind, span in spans.items()]
    return compared_in(app_id=app.id, windows=windows)


_SPANS = {"gate": "GATE_SECONDS", "breach": "BREACH_SECONDS"}


def compared_in(*, app_id: UUID, windows: Iterable[tuple[str, str, datetime]]) -> dict[tuple[str, str], Comparisons]:
    """Return what was compared of (collection, name of the window, since); windows without anything are left out."""
    collections, kinds, since = zip(*windows, strict=True)
    asked = {"app": app_id, "collections": list(collections), "kinds": list(kinds), "since": list(since)}
    latencies: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    for collection, kind, place, count in rows(_LATENCIES, **asked):
        latencies[collection, kind][place] = count
    return {
        (collection, kind): told(figures, latencies[collection, kind])
        for collection, kind, *figures in rows(_COMPARED, **asked)
    }


def told(figures: Sequence[Any], latencies: Mapping[int, int]) -> Comparisons:
    """Return a row of sums and sets, with its histogram of latencies, as what was compared."""
    compared, agreed, noise, errors, devices, amiss = figures
    return Comparisons(compared, agreed, noise, errors, devices, amiss, quantile(latencies, 0.99))


def rows(statement: str, **given: Any) -> list[tuple[Any, ...]]:
    """Ask one question and return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return list(cursor.fetchall())
