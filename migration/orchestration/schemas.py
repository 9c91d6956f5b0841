"""Pinning a collection's schema: from then on entries that do not fulfil it go to quarantine."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import transaction

from migration.detection import Shape, schema_of
from migration.errors import NotFound, WrongState
from migration.lifecycle import audit
from migration.models import CollectionSchema, SchemaSample
from migration.records import read_examples
from migration.validation import compile_schema

PREVIEWED = 200
"""Sampled entries a schema is tried on before it is pinned."""
LONGEST_EXAMPLE = 65_536

Place = tuple[UUID, str, bytes]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a schema would have refused of the newest sampled entries that are still held, and why."""

    looked_at: int
    refused: int
    reasons: tuple[tuple[str, str, int], ...]
    """(path, what the schema wants, entries), the most frequent first."""


def inferred(schema: CollectionSchema) -> dict[str, Any]:
    """Return the JSON Schema inferred of a collection."""
    return schema_of(Shape.from_data(schema.shape))


def inferred_text(schema: CollectionSchema) -> str:
    """Return the inferred schema as text to edit."""
    return json.dumps(inferred(schema), indent=2, ensure_ascii=False)


def preview_pin(*, schema: CollectionSchema, text: str) -> Preview:
    """Try a schema on the newest sampled entries, writing nothing. Raises SchemaInvalid."""
    compiled = compile_schema(text)
    values = read_examples([place for place, _ in examples(schema, most=PREVIEWED)], longest=LONGEST_EXAMPLE)
    found = [misfit for value in values if (misfit := compiled.misfit(value)) is not None]
    reasons = Counter((misfit.path, misfit.wants) for misfit in found)
    told = tuple((path, wants, count) for (path, wants), count in reasons.most_common(20))
    return Preview(len(values), len(found), told)


def examples(schema: CollectionSchema, *, most: int) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Yield the newest sampled entries, each once: where it is held, and its shape. Values stay where they are."""
    samples = SchemaSample.objects.filter(app_id=schema.app_id, collection=schema.collection).order_by("-id")
    seen: set[Place] = set()
    for owner_id, namespace, entries in samples.values_list("owner_id", "namespace", "entries")[:most]:
        for entry in entries:
            place = (owner_id, namespace, bytes.fromhex(entry["key"]))
            if place not in seen and len(seen) < most:
                seen.add(place)
                yield place, entry["shape"]


def pin_schema(
    *, app_id: UUID, collection: str, text: str, at: datetime, actor: str, over: int | None = None
) -> CollectionSchema:
    """Pin a schema to a collection, known or not yet, as its next version.

    `over`: the version it is meant to follow. Raises SchemaInvalid; WrongState when another one came between.
    """
    compile_schema(text)
    with transaction.atomic():
        CollectionSchema.objects.get_or_create(
            app_id=app_id, collection=collection, defaults={"created_at": at, "updated_at": at}
        )
        schema = _locked(app_id, collection)
        if over is not None and over != schema.version:
            raise WrongState(f"Version {schema.version} was pinned in the meantime.", state=str(schema.version))
        schema.pinned, schema.version = text, schema.version + 1
        schema.pinned_at, schema.pinned_by = at, actor
        _settle(schema, at=at)
        _audit("schema_pinned", schema, at=at, actor=actor, sha256=sha256(text.encode()).hexdigest(), bytes=len(text))
    return schema


def unpin_schema(*, app_id: UUID, collection: str, at: datetime, actor: str) -> CollectionSchema:
    """Hold entries of a collection to no schema from now on; doing it twice is doing it once. Raises NotFound."""
    with transaction.atomic():
        schema = _locked(app_id, collection)
        if schema.pinned is not None:
            schema.pinned = None
            _settle(schema, at=at)
            _audit("schema_unpinned", schema, at=at, actor=actor)
    return schema


def dismiss_drift(*, app_id: UUID, collection: str, at: datetime, actor: str) -> int:
    """Take the drift noticed so far as seen; return how many notices went. Raises NotFound."""
    with transaction.atomic():
        schema = _locked(app_id, collection)
        gone, _ = schema.drift.all().delete()
        if gone:
            _audit("drift_dismissed", schema, at=at, actor=actor, notices=gone)
    return gone


def _locked(app_id: UUID, collection: str) -> CollectionSchema:
    schemas = CollectionSchema.objects.select_for_update(no_key=True)
    schema = schemas.filter(app_id=app_id, collection=collection).first()
    if schema is None:
        raise NotFound("Nothing is known of this collection.")
    return schema


def _settle(schema: CollectionSchema, *, at: datetime) -> None:
    """Begin a new window: what misfitted another schema says nothing of this one."""
    schema.judged = schema.misfits = 0
    schema.updated_at = at
    schema.save()
    schema.drift.filter(kind="misfits").delete()


def _audit(action: str, schema: CollectionSchema, *, at: datetime, actor: str, **data: Any) -> None:
    told = {"collection": schema.collection, "version": schema.version, **data}
    audit(actor=actor, action=action, target=f"schema {schema.pk}", at=at, app_id=schema.app_id, data=told)
