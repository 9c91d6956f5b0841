"""What browsers find when they compare both sides: taken as it comes, folded into figures per minute by the sweeper.

A device appends its own rows and writes none that others share. A fold counts the newest minutes anew and writes over
what it had, so one that is late, repeated or cut off changes nothing.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from migration.config import setting
from migration.detection import find_secret
from migration.models import App, ComparisonMinute, ComparisonSample, DeviceOutbox, Mismatch
from migration.orchestration.intake import Sender
from migration.states import Stage
from migration.values.collections import compile_patterns
from migration.values.latencies import PLACES

LATE = timedelta(minutes=2)
"""How long after its own time a sample may still be committed and be counted."""
KEPT = timedelta(hours=1)
"""How long samples are kept once they are folded."""
LONGEST_KEY = 1_024
LONGEST_VALUE = 2_048
"""Characters of a mismatch's key, and of each of its values."""
HEAVIEST = 20_000
"""Comparisons of one device and minute that count in full; more weigh no more, so that nobody speaks for everybody."""
SAMPLES = 64
"""Latencies of one device and minute that count."""


@dataclass(frozen=True, slots=True)
class Line:
    """What was compared of one collection since the device told last. `errors` are not among `compared`."""

    collection: str
    compared: int
    agreed: int
    noise: int
    errors: int
    ms: Sequence[float]


@dataclass(frozen=True, slots=True)
class Pair:
    """One key whose sides differed; None is a side that does not have it."""

    collection: str
    key: str
    reason: str
    local: str | None
    server: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a device's outbox holds: writes, their bytes, the age of the oldest in seconds, failed attempts to send."""

    count: int
    bytes: int
    oldest_seconds: float
    errors: int


@dataclass(frozen=True, slots=True)
class Taken:
    """How many lines were taken, and how many mismatches were not kept because they look like secrets."""

    lines: int
    withheld: int


def take_comparisons(
    *,
    sender: Sender,
    stages: Mapping[str, str],
    lines: Sequence[Line],
    pairs: Sequence[Pair],
    outbox: Waiting | None,
    at: datetime,
) -> Taken:
    """Take what a device tells. `stages` are those that hold for it: {collection with a stage of its own, or "": …}.

    What it tells of other collections is told of the rest. Mismatches that look like secrets are not kept.
    """
    harmless = [one for one in pairs if not _is_secret(one, sender.app)]
    with transaction.atomic():
        ComparisonSample.objects.bulk_create(_sample(one, sender, stages, at=at) for one in lines)
        _keep(harmless, sender, stages, at=at)
        if outbox is not None:
            _keep_outbox(outbox, sender, furthest=_furthest(stages), at=at)
    return Taken(len(lines), len(pairs) - len(harmless))


def _sample(line: Line, sender: Sender, stages: Mapping[str, str], *, at: datetime) -> ComparisonSample:
    collection = _among(line.collection, stages)
    return ComparisonSample(
        app_id=sender.app.id,
        owner_id=sender.owner_id,
        device_id=sender.device_id,
        collection=collection,
        stage=stages[collection],
        compared=line.compared,
        agreed=line.agreed,
        noise=line.noise,
        errors=line.errors,
        ms=list(line.ms),
        at=at,
    )


def _keep(pairs: Sequence[Pair], sender: Sender, stages: Mapping[str, str], *, at: datetime) -> None:
    """Keep mismatches, the newest of each key; they are pruned to a few by the sweeper."""
    named = {(_among(one.collection, stages), _hash(one.key)): one for one in pairs}
    rows = [
        Mismatch(
            app_id=sender.app.id,
            owner_id=sender.owner_id,
            device_id=sender.device_id,
            collection=collection,
            stage=stages[collection],
            key=one.key[:LONGEST_KEY],
            key_hash=key_hash,
            reason=one.reason,
            local=_cut(one.local),
            server=_cut(one.server),
            at=at,
        )
        for (collection, key_hash), one in named.items()
    ]
    Mismatch.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["owner", "device_id", "collection", "key_hash"],
        update_fields=["reason", "local", "server", "stage", "at"],
    )


def _keep_outbox(outbox: Waiting, sender: Sender, *, furthest: str, at: datetime) -> None:
    told = {
        "count": outbox.count,
        "bytes": outbox.bytes,
        "oldest_seconds": outbox.oldest_seconds,
        "errors": outbox.errors,
    }
    DeviceOutbox.objects.bulk_create(
        [
            DeviceOutbox(
                device_id=sender.device_id,
                app_id=sender.app.id,
                owner_id=sender.owner_id,
                stage=furthest,
                at=at,
                **told,
            )
        ],
        update_conflicts=True,
        unique_fields=["device_id"],
        update_fields=["stage", "at", *told],
    )


def _among(collection: str, stages: Mapping[str, str]) -> str:
    return collection if collection in stages else ""


def _furthest(stages: Mapping[str, str]) -> str:
    road = list(Stage)
    return max(stages.values(), key=lambda stage: road.index(Stage(stage)))


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _cut(value: str | None) -> str | None:
    return None if value is None else value[:LONGEST_VALUE]


def _is_secret(pair: Pair, app: App) -> bool:
    if app.allow_sensitive and compile_patterns(app.allow_sensitive)(pair.key):
        return False
    return any(find_secret(pair.key, value or "") is not None for value in (pair.local, pair.server))


# --- folding ----------------------------------------------------------------------------------------------------

# The set of a device is one of 64 bits, told by the last byte of its id, which is random.
_FOLD = """
WITH told AS (
    SELECT app_id, collection, stage, date_trunc('minute', at) AS minute, device_id,
           sum(compared)::float AS compared, sum(agreed)::float AS agreed, sum(noise)::float AS noise,
           sum(errors)::float AS errors
    FROM migration_comparisonsample WHERE at >= %(since)s
    GROUP BY app_id, collection, stage, minute, device_id),
weighed AS (
    SELECT *, least(1.0, %(heaviest)s / greatest(1.0, compared + errors)) AS weight,
           1::bigint << (get_byte(uuid_send(device_id), 15) & 63) AS bit
    FROM told),
summed AS (
    SELECT app_id, collection, stage, minute,
           round(sum(weight * compared)) AS compared, round(sum(weight * agreed)) AS agreed,
           round(sum(weight * noise)) AS noise, round(sum(weight * errors)) AS errors, bit_or(bit) AS seen,
           coalesce(bit_or(bit) FILTER (WHERE compared > agreed + noise OR errors > 0), 0) AS amiss
    FROM weighed GROUP BY app_id, collection, stage, minute),
answers AS (
    SELECT s.app_id, s.collection, s.stage, date_trunc('minute', s.at) AS minute, a.ms, row_number() OVER (
        PARTITION BY s.app_id, s.collection, s.stage, date_trunc('minute', s.at), s.device_id ORDER BY s.id, a.place
        ) AS ordinal
    FROM migration_comparisonsample s CROSS JOIN LATERAL unnest(s.ms) WITH ORDINALITY AS a(ms, place)
    WHERE s.at >= %(since)s),
counted AS (
    SELECT app_id, collection, stage, minute,
           CASE WHEN ms <= 1 THEN 0 ELSE least(%(places)s - 1, ceil(4 * ln(ms) / ln(2)))::int END AS place,
           count(*) AS n
    FROM answers WHERE ordinal <= %(samples)s GROUP BY app_id, collection, stage, minute, place),
histograms AS (
    SELECT app_id, collection, stage, minute, jsonb_object_agg(place, n) AS latency
    FROM counted GROUP BY app_id, collection, stage, minute)
INSERT INTO migration_comparisonminute
    (app_id, collection, stage, minute, compared, agreed, noise, errors, seen, amiss, latency)
SELECT app_id, collection, stage, minute, compared, agreed, noise, errors, seen, amiss, coalesce(latency, '{}')
FROM summed LEFT JOIN histograms USING (app_id, collection, stage, minute)
ON CONFLICT (app_id, collection, stage, minute) DO UPDATE SET
    compared = excluded.compared, agreed = excluded.agreed, noise = excluded.noise, errors = excluded.errors,
    seen = excluded.seen, amiss = excluded.amiss, latency = excluded.latency
"""
_PRUNE = """
DELETE FROM migration_mismatch WHERE id IN (
    SELECT id FROM (
        SELECT id, at, row_number() OVER (PARTITION BY app_id, collection ORDER BY at DESC, id DESC) AS place
        FROM migration_mismatch) placed
    WHERE place > %(most)s OR at < %(before)s)
"""


def fold_comparisons(*, last: datetime | None, at: datetime) -> None:
    """Fold what came since shortly before the `last` fold (None: there was none) and forget what is old.

    Part of the caller's transaction, which sees to it that one folds at a time.
    """
    since = (last - LATE if last else at - timedelta(days=setting("PULSE_DAYS"))).replace(second=0, microsecond=0)
    with connection.cursor() as cursor:
        cursor.execute(_FOLD, {"since": since, "heaviest": float(HEAVIEST), "places": PLACES, "samples": SAMPLES})
        before = at - timedelta(days=setting("MISMATCH_DAYS"))
        cursor.execute(_PRUNE, {"most": setting("MISMATCHES"), "before": before})
    ComparisonSample.objects.filter(at__lt=since - KEPT).delete()
    ComparisonMinute.objects.filter(minute__lt=at - timedelta(days=setting("PULSE_DAYS"))).delete()
