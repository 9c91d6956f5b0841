"""The coordinator's health: how an app's two sides agree, answer and catch up with each other."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from migration.cutover.gates import Comparisons
from migration.models import App
from migration.orchestration.measuring import outboxes, rows, told

HEALTH_SECONDS = 3_600
"""Window over which health is told, s."""

_BY_STAGE = """
SELECT stage, sum(compared)::bigint, sum(agreed)::bigint, sum(noise)::bigint, sum(errors)::bigint,
       bit_count(bit_or(seen)::bit(64)), bit_count(bit_or(amiss)::bit(64))
FROM migration_comparisonminute WHERE app_id = %(app)s AND minute >= %(since)s GROUP BY stage
"""
_LATENCIES_BY_STAGE = """
SELECT m.stage, l.place::int, sum(l.count::bigint)::bigint
FROM migration_comparisonminute m CROSS JOIN LATERAL jsonb_each_text(m.latency) AS l(place, count)
WHERE m.app_id = %(app)s AND m.minute >= %(since)s GROUP BY m.stage, l.place
"""
_WAITING = """
SELECT count(*), min(stored_at) FROM (
    SELECT c.stored_at FROM migration_chunk c JOIN migration_migrationrun r ON r.id = c.run_id
    WHERE c.state = 'stored' AND r.state = 'transferring' AND NOT r.pause_wished AND c.app_id = %(app)s
    LIMIT 100000) waiting
"""


@dataclass(frozen=True, slots=True)
class StageHealth:
    """How both sides do in one stage: shares from 0 to 1, None of nothing; the outbox is the browsers', in seconds."""

    stage: str
    compared: int
    consistency_rate: float | None
    error_rate: float | None
    p99_ms: float | None
    outboxes: int
    outbox_p99_seconds: float | None


@dataclass(frozen=True, slots=True)
class CoordinatorHealth:
    """The stages something was told of in the window; and of the server's side, chunks that wait to be loaded."""

    window_seconds: int
    stages: list[StageHealth]
    server_waiting: int
    server_oldest_seconds: float


def coordinator_health(*, app: App, at: datetime, window_seconds: int = HEALTH_SECONDS) -> CoordinatorHealth:
    """Return how an app's two sides agree, answer and catch up, over the last hour or another window."""
    since = at - timedelta(seconds=window_seconds)
    latencies: dict[str, dict[int, int]] = defaultdict(dict)
    for stage, place, count in rows(_LATENCIES_BY_STAGE, app=app.id, since=since):
        latencies[stage][place] = count
    compared = {stage: told(figures, latencies[stage]) for stage, *figures in rows(_BY_STAGE, app=app.id, since=since)}
    boxes = outboxes(app, at, by="stage")
    ((waiting, oldest),) = rows(_WAITING, app=app.id)
    return CoordinatorHealth(
        window_seconds,
        [
            _stage_health(stage, compared.get(stage, Comparisons()), boxes.get(stage, (0, None)))
            for stage in sorted({*compared, *boxes})
        ],
        waiting,
        max(0.0, (at - oldest).total_seconds()) if oldest else 0.0,
    )


def _stage_health(stage: str, found: Comparisons, outbox: tuple[int, float | None]) -> StageHealth:
    differing = found.mismatch_rate
    consistency = None if differing is None else 1 - differing
    return StageHealth(stage, found.compared, consistency, found.error_rate, found.p99_ms, *outbox)
