"""What a browser needs to know of its app, as one value that can be compared and cached."""

import hashlib
from typing import Any

import msgspec
from msgspec import Struct

from migration.config import limit_of, setting
from migration.models import App
from migration.values.epochs import Epoch


class CollectionRule(Struct, frozen=True):
    """One declared collection."""

    name: str
    patterns: list[str]
    conflict_policy: str


class LimitValues(Struct, frozen=True):
    """What one request may carry: bytes as sent, bytes inflated, entries.

    `deletions`: keys a device may delete within a window before a person must confirm more; 0 is any number.
    """

    chunk_bytes: int
    inflated_bytes: int
    chunk_entries: int
    entry_bytes: int
    single_entry_bytes: int
    create_bytes: int
    deletions: int


class Config(Struct, frozen=True):
    """The app as its browsers see it."""

    app: str
    epoch: str
    namespace: str
    stage: str
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


def config_for(*, app: App, epoch: Epoch, version: str, timeline: str) -> Config:
    """Return what browsers of `app` are told under `epoch`."""
    return Config(
        app=app.publishable_key,
        epoch=str(epoch),
        namespace=app.namespace,
        stage=app.stage,
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


def _limits(app: App) -> LimitValues:
    return LimitValues(
        chunk_bytes=setting("CHUNK_BYTES"),
        inflated_bytes=setting("INFLATED_BYTES"),
        chunk_entries=setting("CHUNK_ENTRIES"),
        entry_bytes=min(app.max_entry_bytes, setting("ENTRY_BYTES")),
        single_entry_bytes=setting("SINGLE_ENTRY_BYTES"),
        create_bytes=setting("CREATE_BYTES"),
        deletions=limit_of(app.limits, "DELETIONS"),
    )
