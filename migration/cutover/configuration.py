"""What a browser needs to know of its app, as one value that can be compared and cached."""

import hashlib
from typing import Any

import msgspec
from msgspec import Struct

from migration.config import limit_of, setting
from migration.cutover.effective import Effective
from migration.cutover.stages import Requested, Stages
from migration.models import REST, App
from migration.states import Stage
from migration.values.epochs import Epoch

_COMPARED = (Stage.SHADOW, Stage.RAMP)


class CollectionRule(Struct, frozen=True):
    """One declared collection."""

    name: str
    patterns: list[str]
    conflict_policy: str


class ComparisonRule(Struct, frozen=True):
    """How reads of a collection are compared: the share of them (0 to 1), JSON pointers that may differ, and how."""

    rate: float
    ignore: list[str]
    comparator: str


class StageLine(Struct, frozen=True):
    """Where one collection stands for the caller; `collection` is empty for all that have no line of their own.

    `requested` is the app's stage, at `percentage` basis points of the owners; `stage` is the one that holds and
    `reason` why; `reads` is `browser` or `server`. Only what is to be compared has `compare`.
    """

    collection: str
    requested: str
    percentage: int
    stage: str
    reason: str
    reads: str
    compare: ComparisonRule | None


class LimitValues(Struct, frozen=True):
    """What one request may carry: bytes as sent, bytes inflated, entries.

    `deletions`: keys a device may delete within a window before a person must confirm more; 0 is any number.
    `lease_seconds`: how long a browser that hears nothing may pass its copy for the server's.
    """

    chunk_bytes: int
    inflated_bytes: int
    chunk_entries: int
    entry_bytes: int
    single_entry_bytes: int
    create_bytes: int
    deletions: int
    lease_seconds: int


class Config(Struct, frozen=True):
    """The app as one owner's device sees it. `stage` is the one of all collections without a line of their own."""

    app: str
    epoch: str
    namespace: str
    stage: str
    panic: bool
    stages: list[StageLine]
    collections: list[CollectionRule]
    exclude: list[str]
    allow_sensitive: list[str]
    guests: bool
    limits: LimitValues
    version: str
    timeline: str

    def etag(self) -> str:
        """Return a strong entity tag of this value."""
        return f'"{hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:32]}"'


def config_for(*, app: App, stages: Stages, epoch: Epoch, version: str, timeline: str) -> Config:
    """Return what a browser of `app` is told under `epoch`, where `stages` hold for it."""
    return Config(
        app=app.publishable_key,
        epoch=str(epoch),
        namespace=app.namespace,
        stage=stages.held(REST).stage,
        panic=stages.requests.panic,
        stages=[_line(name, asked, stages.held(name)) for name, asked in stages.requests.each().items()],
        collections=[_rule(declared, app.conflict_policy) for declared in app.collections],
        exclude=list(app.exclude),
        allow_sensitive=list(app.allow_sensitive),
        guests=app.guests_allowed,
        limits=_limits(app),
        version=version,
        timeline=timeline,
    )


def _rule(declared: dict[str, Any], policy: str) -> CollectionRule:
    return CollectionRule(declared["name"], list(declared["patterns"]), declared.get("conflict_policy") or policy)


def _line(collection: str, asked: Requested, held: Effective) -> StageLine:
    rule, is_compared = asked.comparison, held.stage in _COMPARED
    return StageLine(
        collection=collection,
        requested=asked.stage,
        percentage=asked.percentage,
        stage=held.stage,
        reason=held.reason,
        reads=held.reads_from,
        compare=ComparisonRule(rule.rate, list(rule.ignore), rule.comparator) if is_compared else None,
    )


def _limits(app: App) -> LimitValues:
    return LimitValues(
        chunk_bytes=setting("CHUNK_BYTES"),
        inflated_bytes=setting("INFLATED_BYTES"),
        chunk_entries=setting("CHUNK_ENTRIES"),
        entry_bytes=min(app.max_entry_bytes, setting("ENTRY_BYTES")),
        single_entry_bytes=setting("SINGLE_ENTRY_BYTES"),
        create_bytes=setting("CREATE_BYTES"),
        deletions=limit_of(app.limits, "DELETIONS"),
        lease_seconds=limit_of(app.limits, "READ_LEASE_SECONDS"),
    )
