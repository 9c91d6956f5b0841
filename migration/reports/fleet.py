"""How the whole installation is doing: figures folded per minute, and the few that must be of this very moment.

Whatever the tables hold, this reads a bounded number of rows: folded figures, an index over runs at work, the
catalogue's own estimates of sizes.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Sum

from migration.lifecycle import count_workers
from migration.models import EVERYBODY, FOLDED, STANDING, Backup, MigrationRun, Pulse
from migration.states import RunState

STEPS = ("detected", "planned", "transferring", "verified")
"""The road of a browser: seen by the server, a run planned, data received, a receipt signed."""
LIVE = 8
"""Runs at work told one by one."""
MOST_WAITING = 10_000
"""Waiting chunks counted; more are only more."""

_AT_WORK = (RunState.PLANNED, RunState.TRANSFERRING, RunState.VERIFYING, RunState.ROLLING_BACK)
_WAITING = f"""
SELECT count(*), min(stored_at) FROM (
    SELECT c.stored_at FROM migration_chunk c JOIN migration_migrationrun r ON r.id = c.run_id
    WHERE c.state = 'stored' AND r.state = 'transferring' AND NOT r.pause_wished
      AND (%(app)s::uuid IS NULL OR c.app_id = %(app)s) LIMIT {MOST_WAITING}) waiting
"""
_TABLES = (
    ("records", "migration_record"),
    ("history", "migration_record_version"),
    ("backups", "migration_chunk"),
    ("quarantine", "migration_quarantineentry"),
    ("conflicts", "migration_conflict"),
    ("timelines", "migration_runevent"),
    ("audit log", "migration_auditline"),
)
_SIZES = """
SELECT t.name, greatest(c.reltuples, 0)::bigint, pg_total_relation_size(c.oid)
FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS t(name, tablename, place)
JOIN pg_class c ON c.oid = to_regclass(t.tablename) ORDER BY t.place
"""


@dataclass(frozen=True)
class Period:
    """A stretch of time looked at, and how long each point of a plot over it is."""

    span: timedelta
    step: timedelta


PERIODS = {
    "hour": Period(timedelta(hours=1), timedelta(minutes=1)),
    "day": Period(timedelta(days=1), timedelta(minutes=15)),
    "week": Period(timedelta(days=7), timedelta(hours=2)),
}


@dataclass(frozen=True)
class Storage:
    """What one table takes: rows as Postgres estimates them, bytes with its indexes."""

    name: str
    rows: int
    size: int


@dataclass(frozen=True)
class Fleet:
    """Everything the dashboard shows. `standing` is {measure: {code: amount}} as of `folded_at`."""

    at: datetime
    folded_at: datetime | None
    standing: dict[str, dict[str, int]]
    rate: list[tuple[datetime, float]]
    entries: int
    errors: dict[str, int]
    quarantined: dict[str, int]
    storage: list[Storage]
    oldest_unverified: datetime | None
    live: list[MigrationRun]
    waiting: int
    waiting_since: datetime | None
    workers: int

    def stands(self, measure: str, code: str) -> int:
        """Return one figure of how things stand; 0 where there is none."""
        return self.standing.get(measure, {}).get(code, 0)


def fleet(*, at: datetime, period: str = "hour", app_id: UUID | None = None) -> Fleet:
    """Return how an app, or the whole installation, is doing. `period` is one of PERIODS."""
    whose, chosen = app_id or EVERYBODY, PERIODS[period]
    folded_at = last_fold()
    waiting, waiting_since = _waiting(app_id)
    rate = _rate(whose, chosen, until=folded_at or at)
    return Fleet(
        at=at,
        folded_at=folded_at,
        standing=_standing(whose, folded_at),
        rate=rate,
        entries=round(sum(value for _, value in rate) * chosen.step.total_seconds()),
        errors=_by_code(whose, "errors", since=at - chosen.span),
        quarantined=_by_code(whose, "quarantined", since=at - chosen.span),
        storage=_storage(),
        oldest_unverified=_oldest_unverified(app_id),
        live=_live(app_id),
        waiting=waiting,
        waiting_since=waiting_since,
        workers=count_workers(),
    )


def last_fold() -> datetime | None:
    """Return when the sweeper last folded what had happened; None for never."""
    amount = Pulse.objects.filter(app_id=EVERYBODY, measure=FOLDED).values_list("amount", flat=True).first()
    return None if amount is None else datetime.fromtimestamp(amount, UTC)


def _standing(whose: UUID, folded_at: datetime | None) -> dict[str, dict[str, int]]:
    if folded_at is None:
        return {}
    hour = folded_at.replace(minute=0, second=0, microsecond=0)
    stood: dict[str, dict[str, int]] = defaultdict(dict)
    rows = Pulse.objects.filter(app_id=whose, measure__in=STANDING, minute=hour)
    for measure, code, amount in rows.values_list("measure", "code", "amount"):
        stood[measure][code] = round(amount)
    return dict(stood)


def _rate(whose: UUID, period: Period, *, until: datetime) -> list[tuple[datetime, float]]:
    """Return entries per second, a point for every step, those of nothing included; the last one has ended."""
    step = period.step.total_seconds()
    last = int(until.timestamp() // step)
    first = last - int(period.span / period.step)
    loaded: dict[int, float] = defaultdict(float)
    since = datetime.fromtimestamp(first * step, UTC)
    rows = Pulse.objects.filter(app_id=whose, measure="entries", code="", minute__gte=since)
    for minute, amount in rows.values_list("minute", "amount"):
        loaded[int(minute.timestamp() // step)] += amount
    return [(datetime.fromtimestamp(one * step, UTC), loaded[one] / step) for one in range(first, last)]


def _by_code(whose: UUID, measure: str, *, since: datetime) -> dict[str, int]:
    rows = Pulse.objects.filter(app_id=whose, measure=measure, minute__gte=since).values("code")
    counted = rows.annotate(total=Sum("amount")).order_by("-total", "code").values_list("code", "total")
    return {code: round(total) for code, total in counted}


def _storage() -> list[Storage]:
    names, tables = zip(*_TABLES, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(_SIZES, [list(names), list(tables)])
        return [Storage(*row) for row in cursor.fetchall()]


def _oldest_unverified(app_id: UUID | None) -> datetime | None:
    backups = Backup.objects.filter(state=Backup.State.SEALED, verified_at=None)
    if app_id:
        backups = backups.filter(run__app_id=app_id)
    return backups.order_by("created_at").values_list("created_at", flat=True).first()


def _live(app_id: UUID | None) -> list[MigrationRun]:
    runs = MigrationRun.objects.filter(state__in=_AT_WORK[1:]).select_related("app", "owner")
    if app_id:
        runs = runs.filter(app_id=app_id)
    wide = ("manifest", "types", "options", "statement", "receipt", "errors")
    return list(runs.defer(*wide).order_by("-updated_at")[:LIVE])


def _waiting(app_id: UUID | None) -> tuple[int, Any]:
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, {"app": app_id})
        count, since = cursor.fetchone()
    return int(count), since
