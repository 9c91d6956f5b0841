"""Folds what happened into figures per minute, and how things stand into figures per hour.

The work appends its own rows (chunks, timeline, quarantine) and knows nothing of this. Each fold counts the newest
minutes anew and writes over what it had, so a fold that is late, repeated or cut off changes nothing.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from migration.config import setting
from migration.models import EVERYBODY, FOLDED, STANDING, Pulse
from migration.orchestration.comparing import fold_comparisons

FOLD_SECONDS = 30
"""Shortest pause between two folds."""
LATE = timedelta(minutes=10)
"""How long after its own time a row may still be committed and be counted."""
FIRST_FOLD = timedelta(days=7)
FOLD_LOCK = 0x70756C73

_ONCE = datetime(1970, 1, 1, tzinfo=UTC)

_HAPPENED = """
INSERT INTO migration_pulse (app_id, measure, code, minute, amount)
SELECT coalesce(app_id, %(everybody)s), measure, left(code, 64), minute, sum(amount) FROM (
    SELECT app_id, 'entries' AS measure, '' AS code, date_trunc('minute', loaded_at) AS minute, entries::float AS amount
    FROM migration_chunk WHERE loaded_at >= %(since)s
    UNION ALL
    SELECT app_id, 'bytes', '', date_trunc('minute', loaded_at), payload_bytes FROM migration_chunk
    WHERE loaded_at >= %(since)s
    UNION ALL
    SELECT r.app_id, 'errors', e.data ->> 'code', date_trunc('minute', e.at), 1
    FROM migration_runevent e JOIN migration_migrationrun r ON r.id = e.run_id
    WHERE e.kind = 'error' AND e.at >= %(since)s
    UNION ALL
    SELECT r.app_id, 'quarantined', q.code, date_trunc('minute', q.created_at), 1
    FROM migration_quarantineentry q JOIN migration_migrationrun r ON r.id = q.run_id
    WHERE q.created_at >= %(since)s
) happened
GROUP BY GROUPING SETS ((app_id, measure, code, minute), (measure, code, minute))
ON CONFLICT (app_id, measure, code, minute) DO UPDATE SET amount = excluded.amount
"""

# What nothing stands for any more is written down as nothing, not left as it was.
_FORGET = "UPDATE migration_pulse SET amount = 0 WHERE minute = %(hour)s AND measure = ANY(%(measures)s)"
_STANDS = """
INSERT INTO migration_pulse (app_id, measure, code, minute, amount)
WITH browsers AS (
    SELECT o.app_id, r.device_id IS NOT NULL AS planned, r.started, r.verified
    FROM migration_device d JOIN migration_owner o ON o.id = d.owner_id
    LEFT JOIN (SELECT device_id, bool_or(started_at IS NOT NULL) AS started, bool_or(state = 'completed') AS verified
               FROM migration_migrationrun WHERE NOT dry_run GROUP BY device_id) r ON r.device_id = d.id)
SELECT coalesce(app_id, %(everybody)s), measure, code, %(hour)s, sum(amount) FROM (
    SELECT app_id, 'funnel' AS measure, step AS code, amount::float FROM (
        SELECT app_id, count(*) AS detected, count(*) FILTER (WHERE planned) AS planned,
               count(*) FILTER (WHERE started) AS started, count(*) FILTER (WHERE verified) AS verified
        FROM browsers GROUP BY app_id) counted
    CROSS JOIN LATERAL (VALUES ('detected', detected), ('planned', planned), ('transferring', started),
                               ('verified', verified)) AS steps(step, amount)
    UNION ALL
    SELECT app_id, 'runs', state, count(*) FROM migration_migrationrun WHERE NOT dry_run GROUP BY app_id, state
    UNION ALL
    SELECT r.app_id, 'quarantine', 'open', count(*)
    FROM migration_quarantineentry q JOIN migration_migrationrun r ON r.id = q.run_id
    WHERE q.state = 'open' GROUP BY r.app_id
    UNION ALL
    SELECT o.app_id, 'conflicts', 'open', count(*) FROM migration_conflict c JOIN migration_owner o ON o.id = c.owner_id
    WHERE c.state = 'open' GROUP BY o.app_id
    UNION ALL
    SELECT r.app_id, measure, code, sum(amount)
    FROM migration_backup b JOIN migration_migrationrun r ON r.id = b.run_id
    CROSS JOIN LATERAL (VALUES ('backups', b.state, 1), ('backup_bytes', b.state, b.bytes),
        ('backups', 'verified', (b.state = 'sealed' AND b.verified_at IS NOT NULL)::int)) AS said(measure, code, amount)
    GROUP BY r.app_id, measure, code
) stands
GROUP BY GROUPING SETS ((app_id, measure, code), (measure, code))
ON CONFLICT (app_id, measure, code, minute) DO UPDATE SET amount = excluded.amount
"""


def fold_pulse(*, at: datetime) -> bool:
    """Fold, unless that was done a moment ago or is being done; return whether it was done here."""
    with transaction.atomic():
        if not _alone():
            return False
        last = _last_fold()
        if last is not None and at - last < timedelta(seconds=FOLD_SECONDS):
            return False
        _fold(since=(last - LATE if last else at - FIRST_FOLD), at=at)
        fold_comparisons(last=last, at=at)
        Pulse.objects.filter(minute__lt=at - timedelta(days=setting("PULSE_DAYS")), minute__gt=_ONCE).delete()
    return True


def _fold(*, since: datetime, at: datetime) -> None:
    hour = at.replace(minute=0, second=0, microsecond=0)
    # A minute is counted whole, or its earlier half would be written over by its later one.
    parameters: dict[str, Any] = {"everybody": EVERYBODY, "since": since.replace(second=0, microsecond=0), "hour": hour}
    with connection.cursor() as cursor:
        cursor.execute(_HAPPENED, parameters)
        cursor.execute(_FORGET, {"hour": hour, "measures": list(STANDING)})
        cursor.execute(_STANDS, parameters)
    Pulse.objects.update_or_create(
        app_id=EVERYBODY, measure=FOLDED, code="", minute=_ONCE, defaults={"amount": at.timestamp()}
    )


def _alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [FOLD_LOCK])
        return bool(cursor.fetchone()[0])


def _last_fold() -> datetime | None:
    amount = Pulse.objects.filter(app_id=EVERYBODY, measure=FOLDED).values_list("amount", flat=True).first()
    return None if amount is None else datetime.fromtimestamp(amount, UTC)
