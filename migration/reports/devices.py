"""Owners and devices of an app by stage and browser, what would be lost with them, and whether the old code may go.

Counted in Postgres: what comes back is bounded by the number of buckets, stages and browsers, not of devices.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from migration.config import limit_of
from migration.cutover import BUCKETS, HAS_RECEIPT, Circumstances, Requests, effective, requests_of
from migration.models import App
from migration.states import Stage

EVICTING = "Safari"
"""The browser that clears what scripts stored after seven days of use without a visit."""
MOST_LISTED = 50
"""Stragglers told one by one, those longest away first."""

# Every browser on iOS is Safari's engine, under whatever name, and clears as Safari does.
BROWSER = """CASE
    WHEN d.user_agent ~* 'iphone|ipad|ipod' THEN 'Safari'
    WHEN d.user_agent ~* 'edg(e|a)?/' THEN 'Edge'
    WHEN d.user_agent ~* 'firefox/' THEN 'Firefox'
    WHEN d.user_agent ~* 'chrom(e|ium)/' THEN 'Chrome'
    WHEN d.user_agent ~* 'safari/' THEN 'Safari'
    ELSE 'other' END"""
"""SQL that names the browser of a device `d`."""
VISITS = ("today", "within 4 days", "within 7 days", "within 30 days", "longer ago")
# As buckets.bucket_of: the first eight bytes of the digest as one number, modulo the buckets, taken in two halves.
_HALF = "('x' || lpad(substr(hex, {first}, 8), 16, '0'))::bit(64)::bigint"
BUCKET = (
    f"(({_HALF.format(first=1)} %% {BUCKETS}) * {2**32 % BUCKETS} + {_HALF.format(first=9)} %% {BUCKETS}) %% {BUCKETS}"
)
"""SQL of an owner's bucket; `hex` is the digest of the app's salt and the owner's id."""
_BY_BUCKET = f"""
WITH owners AS (
    SELECT o.id, o.switched_off, encode(sha256(%(salt)s || uuid_send(o.id)), 'hex') AS hex
    FROM migration_owner o WHERE o.app_id = %(app)s AND o.kind <> 'erased'),
counted AS (
    SELECT {BUCKET} AS bucket, o.switched_off AS off,
           count(d.id) FILTER (WHERE {HAS_RECEIPT.format(device="d.id")}) AS moved,
           count(d.id) FILTER (WHERE NOT {HAS_RECEIPT.format(device="d.id")}) AS unmoved
    FROM owners o LEFT JOIN migration_device d ON d.owner_id = o.id GROUP BY o.id, o.hex, o.switched_off)
SELECT bucket, off, sum(moved)::bigint, sum(unmoved)::bigint,
       count(*) FILTER (WHERE moved > 0), count(*) FILTER (WHERE moved = 0)
FROM counted GROUP BY bucket, off
"""
SEEN = "coalesce(d.last_seen_at, d.created_at)"
"""SQL that tells when a device `d` was last seen, to the hour."""
_OF_APP = "JOIN migration_owner o ON o.id = d.owner_id AND o.app_id = %(app)s AND o.kind <> 'erased'"
_BY_BROWSER = f"""
SELECT browser, visit, count(*), count(*) FILTER (WHERE NOT receipt), count(*) FILTER (WHERE waiting > 0)
FROM (
    SELECT {BROWSER} AS browser, {HAS_RECEIPT.format(device="d.id")} AS receipt, x.count AS waiting,
           CASE WHEN {SEEN} > %(at)s - interval '1 day' THEN 0 WHEN {SEEN} > %(at)s - interval '4 days' THEN 1
                WHEN {SEEN} > %(at)s - interval '7 days' THEN 2 WHEN {SEEN} > %(at)s - interval '30 days' THEN 3
                ELSE 4 END AS visit
    FROM migration_device d {_OF_APP} LEFT JOIN migration_deviceoutbox x ON x.device_id = d.id) seen
GROUP BY browser, visit ORDER BY browser, visit
"""
_STRAGGLERS = f"""
SELECT d.id, d.owner_id, {BROWSER}, {SEEN} FROM migration_device d {_OF_APP}
WHERE NOT {HAS_RECEIPT.format(device="d.id")} ORDER BY {SEEN} LIMIT {MOST_LISTED}
"""
_SUMS = f"""
SELECT count(*) FILTER (WHERE NOT receipt AND seen >= %(since)s),
       count(*) FILTER (WHERE NOT receipt AND seen < %(since)s),
       count(*) FILTER (WHERE waiting > 0), coalesce(sum(waiting), 0)::bigint, coalesce(sum(bytes), 0)::bigint
FROM (SELECT {HAS_RECEIPT.format(device="d.id")} AS receipt, {SEEN} AS seen, x.count AS waiting, x.bytes
      FROM migration_device d {_OF_APP} LEFT JOIN migration_deviceoutbox x ON x.device_id = d.id) seen
"""
_OPEN = """
SELECT (SELECT count(*) FROM migration_conflict c JOIN migration_owner o ON o.id = c.owner_id
        WHERE c.state = 'open' AND o.app_id = %(app)s),
       (SELECT count(*) FROM migration_quarantineentry q JOIN migration_migrationrun r ON r.id = q.run_id
        WHERE q.state = 'open' AND r.app_id = %(app)s)
"""


@dataclass(frozen=True, slots=True)
class Visits:
    """Devices of one browser last seen in one span of time: all, those without a receipt, those whose outbox waits."""

    browser: str
    visit: str
    devices: int
    unmoved: int
    waiting: int

    @property
    def risk(self) -> str:
        """How likely the browser has cleared, or soon clears, what it stores: `high`, `near` or `low`."""
        if self.browser != EVICTING or not self.unmoved + self.waiting:
            return "low"
        away = VISITS.index(self.visit)
        return "high" if away > VISITS.index("within 7 days") else "near" if self.visit == "within 7 days" else "low"


@dataclass(frozen=True, slots=True)
class Straggler:
    """A device without a receipt, when it was last seen."""

    device_id: UUID
    owner_id: UUID
    browser: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that has to be so before the old code may be deleted, with its number."""

    what: str
    figure: int
    passed: bool


@dataclass(frozen=True, slots=True)
class DeviceFleet:
    """How an app's owners and devices stand.

    `stages`: {collection, empty for the rest: {stage: (owners, devices)}}, an owner by its furthest device. `days`: not
    seen for so long, a device is not waited for. Of the outboxes: devices whose writes wait, the writes, their bytes.
    """

    stages: dict[str, dict[str, tuple[int, int]]]
    visits: list[Visits]
    stragglers: list[Straggler]
    days: int
    unmoved: int
    away: int
    waiting_devices: int
    waiting_writes: int
    waiting_bytes: int
    questions: list[Question]

    @property
    def may_delete(self) -> bool:
        """Whether the code that reads localStorage may be deleted."""
        return all(question.passed for question in self.questions)


def device_fleet(*, app: App, at: datetime) -> DeviceFleet:
    """Return how an app's owners and devices stand."""
    days, requests = limit_of(app.limits, "STRAGGLER_DAYS"), requests_of(app)
    ((unmoved, away, devices, writes, size),) = rows(_SUMS, app=app.id, since=at - timedelta(days=days))
    ((conflicts, quarantined),) = rows(_OPEN, app=app.id)
    return DeviceFleet(
        stages=_by_stage(app, requests),
        visits=[Visits(name, VISITS[visit], *rest) for name, visit, *rest in rows(_BY_BROWSER, app=app.id, at=at)],
        stragglers=[Straggler(*row) for row in rows(_STRAGGLERS, app=app.id)],
        days=days,
        unmoved=unmoved,
        away=away,
        waiting_devices=devices,
        waiting_writes=writes,
        waiting_bytes=size,
        questions=_questions(requests, days, unmoved, writes, conflicts, quarantined),
    )


def _by_stage(app: App, requests: Requests) -> dict[str, dict[str, tuple[int, int]]]:
    buckets = rows(_BY_BUCKET, app=app.id, salt=app.salt.bytes)
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for name, asked in requests.each().items():
        owners: Counter[str] = Counter()
        devices: Counter[str] = Counter()
        for bucket, off, moved, unmoved, owners_moved, owners_unmoved in buckets:
            for receipt, of_devices, of_owners in ((True, moved, owners_moved), (False, unmoved, owners_unmoved)):
                of = Circumstances(bucket, receipt, off, requests.panic)
                held = effective(requested=asked.stage, percentage=asked.percentage, of=of).stage
                devices[held] += of_devices
                owners[held] += of_owners
        found[name] = {stage: (owners[stage], devices[stage]) for stage in Stage if owners[stage] or devices[stage]}
    return found


def _questions(
    requests: Requests, days: int, unmoved: int, writes: int, conflicts: int, quarantined: int
) -> list[Question]:
    unfinished = sum(asked.stage != Stage.COMPLETE for asked in requests.each().values())
    return [
        Question("collections whose cutover is not complete", unfinished, not unfinished),
        Question("panics", int(requests.panic), not requests.panic),
        Question(f"devices without a receipt, seen in the last {days} days", unmoved, not unmoved),
        Question("writes that wait in outboxes", writes, not writes),
        Question("conflicts nobody has decided", conflicts, not conflicts),
        Question("entries in quarantine", quarantined, not quarantined),
    ]


def rows(statement: str, **given: Any) -> list[tuple[Any, ...]]:
    """Ask one question and return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return list(cursor.fetchall())
