"""Requested against effective: how many devices of an app are at which stage, collection by collection, and why."""

from collections import Counter
from dataclasses import dataclass
from uuid import UUID

from migration.asking import ask
from migration.cutover import HAS_RECEIPT, Circumstances, Requested, Requests, effective
from migration.values.questions import Statement

MOST_DEVICES = 50_000
"""Devices looked at; of an app with more, the counts are of so many."""

# A bucket is the first eight bytes of the hash, taken as a number without a sign: what `cutover.bucket_of` computes.
# 2**64 leaves 1616 when it is divided by the number of buckets.
_GROUPS = Statement(f"""
SELECT switched_off, has_receipt, width_bucket(bucket, %(bounds)s::int[]), count(*)
FROM (
    SELECT switched_off, has_receipt, ((head %% 10000) + CASE WHEN head < 0 THEN 11616 ELSE 0 END) %% 10000 AS bucket
    FROM (
        SELECT o.switched_off, {HAS_RECEIPT.format(device="d.id")} AS has_receipt,
               ('x' || encode(substr(sha256(uuid_send(%(salt)s::uuid) || uuid_send(o.id)), 1, 8), 'hex'))::bit(64)
                   ::bigint AS head
        FROM migration_owner o JOIN migration_device d ON d.owner_id = o.id
        WHERE o.app_id = %(app)s AND o.kind <> 'erased' LIMIT %(most)s
    ) devices
) bucketed GROUP BY 1, 2, 3
""")


@dataclass(frozen=True, slots=True)
class Share:
    """Devices at one effective stage for one reason."""

    stage: str
    reason: str
    devices: int


@dataclass(frozen=True, slots=True)
class Census:
    """Devices of an app by effective stage: {collection, empty for the rest: shares, largest first}."""

    devices: int
    is_whole: bool
    shares: dict[str, list[Share]]


def census_of(*, app_id: UUID, requests: Requests, most: int = MOST_DEVICES) -> Census:
    """Count an app's devices, at most so many, by the stage that holds for them."""
    bounds = sorted({one.percentage for one in requests.each().values()} - {0}) or [10_000]
    given = {"app": app_id, "salt": requests.salt, "bounds": bounds, "most": most}
    groups = [
        (Circumstances(([0, *bounds])[place], has_receipt, off, requests.panic), count)
        for off, has_receipt, place, count in ask(_GROUPS.of(given))
    ]
    devices = sum(count for _, count in groups)
    shares = {name: _shares(asked, groups) for name, asked in requests.each().items()}
    return Census(devices, devices < most, shares)


def _shares(asked: Requested, groups: list[tuple[Circumstances, int]]) -> list[Share]:
    counted: Counter[tuple[str, str]] = Counter()
    for circumstances, count in groups:
        held = effective(requested=asked.stage, percentage=asked.percentage, of=circumstances)
        counted[held.stage, held.reason] += count
    return [Share(stage, reason, devices) for (stage, reason), devices in counted.most_common()]
