"""What is requested of an app's collections, and what of it holds for one owner's device."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection

from migration.cutover.buckets import BUCKETS, bucket_of
from migration.cutover.effective import Circumstances, Effective, effective, server_decides
from migration.models import REST, App, CollectionStage
from migration.states import Stage


@dataclass(frozen=True, slots=True)
class Comparison:
    """How reads of a collection are compared: the share of them (0 to 1), pointers to ignore, `exact` or `json`."""

    rate: float = 0.1
    ignore: tuple[str, ...] = ()
    comparator: str = CollectionStage.Comparator.EXACT


@dataclass(frozen=True, slots=True)
class Requested:
    """What is asked for one collection: its stage, and the share of the owners in basis points a ramp serves."""

    stage: Stage = Stage.DUAL_WRITE
    percentage: int = 0
    comparison: Comparison = Comparison()


@dataclass(frozen=True, slots=True)
class Requests:
    """What is asked of an app: of collections by name, of the rest of them, and whether there is a panic."""

    salt: UUID
    panic: bool = False
    rest: Requested = Requested()
    own: Mapping[str, Requested] = field(default_factory=dict)

    def of(self, collection: str) -> Requested:
        """Return what is asked of one collection."""
        return self.own.get(collection, self.rest)

    def each(self) -> dict[str, Requested]:
        """Return the rest and every collection with a request of its own, in a steady order."""
        return {REST: self.rest, **{name: self.own[name] for name in sorted(self.own)}}


class Stages:
    """The stages that hold for one device of one owner, collection by collection."""

    def __init__(self, requests: Requests, of: Circumstances) -> None:
        """Take what is requested and what is known of the owner and its device."""
        self.requests, self._of = requests, of
        self._held: dict[str, Effective] = {}

    def held(self, collection: str) -> Effective:
        """Return the stage that holds for a collection, with its reason."""
        name = collection if collection in self.requests.own else REST
        if name not in self._held:
            asked = self.requests.of(name)
            self._held[name] = effective(requested=asked.stage, percentage=asked.percentage, of=self._of)
        return self._held[name]

    def each(self) -> dict[str, Effective]:
        """Return what holds for the rest and for every collection with a request of its own."""
        return {name: self.held(name) for name in self.requests.each()}

    def is_off(self, collection: str) -> bool:
        """Tell whether nothing of a collection is sent."""
        return self.held(collection).stage == Stage.OFF

    @property
    def all_off(self) -> bool:
        """Tell whether nothing at all is sent."""
        return all(held.stage == Stage.OFF for held in self.each().values())

    def ties(self) -> dict[str, bool]:
        """Return, by collection and for the rest, whether ties of AUTO_MERGE go to the server (semantics 6)."""
        return {
            name: server_decides(requested=asked.stage, held=self.held(name))
            for name, asked in self.requests.each().items()
        }


def requests_of(app: App) -> Requests:
    """Read what is requested of an app's collections.

    Whoever remembers it must have read the app before: every change of a request changes the app's row, too.
    """
    return _requests(app, app.stages.all())


def requests_of_apps(apps: Iterable[App]) -> dict[UUID, Requests]:
    """Read what is requested of these apps' collections: one query. The apps need `salt` and `panic`."""
    listed = {app.id: app for app in apps}
    rows: dict[UUID, list[CollectionStage]] = {app_id: [] for app_id in listed}
    for row in CollectionStage.objects.filter(app_id__in=list(listed)):
        rows[row.app_id].append(row)
    return {app_id: _requests(app, rows[app_id]) for app_id, app in listed.items()}


def _requests(app: App, rows: Iterable[CollectionStage]) -> Requests:
    own = {row.collection: _requested(row) for row in rows}
    return Requests(app.salt, app.panic, own.pop(REST, Requested()), own)


def stages_for(*, requests: Requests, owner_id: UUID, owner_off: bool, has_receipt: bool) -> Stages:
    """Return the stages that hold for a device of an owner. `has_receipt`: the device has one of its own."""
    bucket = bucket_of(owner_id=owner_id, salt=requests.salt)
    return Stages(requests, Circumstances(bucket, has_receipt, owner_off, requests.panic))


def stages_of_nobody(requests: Requests) -> Stages:
    """Return the stages as they are told to whoever has not said who it is: as to an owner without a receipt."""
    return Stages(requests, Circumstances(BUCKETS, has_receipt=False, panic=requests.panic))


HAS_RECEIPT = """EXISTS (SELECT FROM migration_migrationrun receipted WHERE receipted.device_id = {device}
    AND receipted.state = 'completed' AND receipted.purpose = 'migrate' AND NOT receipted.dry_run)"""
"""SQL that tells whether a device has a receipt of its own that was not taken back since; an index answers it."""
_WITH_RECEIPT = f"SELECT device.id FROM unnest(%s::uuid[]) AS device(id) WHERE {HAS_RECEIPT.format(device='device.id')}"


def devices_with_receipt(device_ids: Iterable[UUID]) -> set[UUID]:
    """Return those of these devices that have a receipt of their own."""
    listed = list(device_ids)
    if not listed:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_WITH_RECEIPT, [listed])
        return {device_id for (device_id,) in cursor.fetchall()}


def _requested(row: CollectionStage) -> Requested:
    given: dict[str, Any] = {"ignore": tuple(row.compare_ignore), "comparator": row.comparator}
    return Requested(Stage(row.stage), row.percentage, Comparison(row.compare_rate, **given))
