"""Whom a panic cannot serve: it sends every read to the browser, and not every browser has the data, or hears of it.

Counted and listed in Postgres: what comes back is bounded, whatever the number of devices.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from migration.config import limit_of
from migration.cutover import BUCKETS, HAS_RECEIPT, Requests, requests_of
from migration.models import App
from migration.reports.devices import BROWSER, BUCKET, EVICTING, SEEN, rows
from migration.states import Stage

MOST_LISTED = 50
HEARD = timedelta(hours=2)
"""A device seen since then may have a page open: when it was seen is noted by the hour."""
REASONS = {
    "cleared": "Safari has not visited for over seven days and has likely cleared what it stored.",
    "complete": "The cutover is complete: its storage is a cache, which the app may have emptied.",
    "straggler": "It has no receipt: it reads what it has itself, with a panic and without.",
    "away": "It has not been heard of lately: it learns of a panic when it comes back.",
}
"""Why a device is not served, those that matter most first."""

# Served by the server: beyond the receipt that is up to the bucket where only ramps serve, and to nobody elsewhere.
_DEVICES = f"""
WITH seen AS (
    SELECT d.id, d.owner_id, {BROWSER} AS browser, greatest({SEEN}, x.at) AS seen_at,
           {HAS_RECEIPT.format(device="d.id")} AS receipt,
           encode(sha256(%(salt)s || uuid_send(o.id)), 'hex') AS hex
    FROM migration_device d JOIN migration_owner o ON o.id = d.owner_id
    LEFT JOIN migration_deviceoutbox x ON x.device_id = d.id
    WHERE o.app_id = %(app)s AND o.kind <> 'erased' AND NOT o.switched_off),
placed AS (SELECT *, receipt AND {BUCKET} < %(bound)s AS served FROM seen),
judged AS (
    SELECT id, owner_id, browser, seen_at, CASE
        WHEN served AND browser = '{EVICTING}' AND seen_at < %(at)s - interval '7 days' THEN 'cleared'
        WHEN served AND %(complete)s THEN 'complete'
        WHEN NOT receipt AND %(complete)s THEN 'straggler'
        WHEN served AND seen_at < %(heard)s AND seen_at >= %(leased)s THEN 'away' END AS reason
    FROM placed)
"""
_COUNTS = f"{_DEVICES} SELECT reason, count(*), count(DISTINCT owner_id) FROM judged WHERE reason <> '' GROUP BY reason"
_LISTED = f"""{_DEVICES}
SELECT owner_id, id, browser, reason, seen_at FROM judged WHERE reason <> ''
ORDER BY array_position(%(reasons)s::text[], reason), seen_at, id LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class Unserved:
    """One device of an owner that a panic does not serve. `until`: when its lease ends, of one that is away."""

    owner_id: UUID
    device_id: UUID
    browser: str
    reason: str
    seen_at: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Reached:
    """Whom a panic does not serve: {reason: (devices, owners)}, and the first of them."""

    counts: dict[str, tuple[int, int]]
    listed: list[Unserved]

    def as_data(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        counts = {reason: {"devices": of, "owners": owners} for reason, (of, owners) in self.counts.items()}
        return {"counts": counts, "listed": [_as_data(one) for one in self.listed]}


def unserved_by_panic(*, app: App, at: datetime, most: int = MOST_LISTED) -> Reached:
    """Return whom a panic of an app would not serve, or does not, and why: the worst first."""
    requests, lease = requests_of(app), timedelta(seconds=limit_of(app.limits, "READ_LEASE_SECONDS"))
    given: dict[str, Any] = {
        "app": app.id,
        "salt": app.salt.bytes,
        "bound": _bound(requests),
        "complete": any(asked.stage == Stage.COMPLETE for asked in requests.each().values()),
        "at": at,
        "heard": at - HEARD,
        "leased": at - lease,
    }
    if not given["bound"]:
        return Reached({}, [])
    counted = {reason: (devices, owners) for reason, devices, owners in rows(_COUNTS, **given)}
    found = rows(_LISTED, **given, reasons=list(REASONS), most=most)
    listed = [
        Unserved(owner_id, device_id, browser, reason, seen_at, seen_at + lease if reason == "away" else None)
        for owner_id, device_id, browser, reason, seen_at in found
    ]
    return Reached({reason: counted[reason] for reason in REASONS if reason in counted}, listed)


def _bound(requests: Requests) -> int:
    """Return the bucket below which the server answers reads of some collection."""
    shares = {Stage.SERVER_PRIMARY: BUCKETS, Stage.COMPLETE: BUCKETS}
    asked = requests.each().values()
    return max(one.percentage if one.stage == Stage.RAMP else shares.get(one.stage, 0) for one in asked)


def _as_data(one: Unserved) -> dict[str, Any]:
    moments = {"seen_at": one.seen_at.isoformat(), "until": one.until.isoformat() if one.until else None}
    return {**asdict(one), "owner_id": str(one.owner_id), "device_id": str(one.device_id), **moments}
