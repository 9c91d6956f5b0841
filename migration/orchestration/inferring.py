"""Folds samples into the schemas kept of collections, and notices where entries drift from them.

Batches append samples; only this writes the rows an app shares. Samples are folded and marked in one transaction under
a lock, so a fold that is cut off has not happened and none is counted twice.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from migration.config import fault_point, setting
from migration.detection import Difference, Shape, differences, path_of, pointer
from migration.events import Happening
from migration.lifecycle import note
from migration.models import App, CollectionSchema, DriftNotice, SchemaSample

FOLD_LOCK = 0x73636865
MOST_SAMPLES = 500
"""Samples folded at once."""
MOST_COLLECTIONS = 500
"""Collections of one app a schema is kept of; browsers name collections, and may name many."""
MOST_NOTICES = 100
"""Notices of one collection."""
WINDOW = 100
"""Entries over which the share of misfits is taken."""
LONGEST_PATH = 1_000

_Group = list[SchemaSample]


@dataclass(slots=True)
class _Fold:
    """What the samples of one collection showed."""

    shape: Shape
    sampled: int
    known: Shape | None
    drift: dict[tuple[str, str], tuple[Difference, UUID]] = field(default_factory=dict)
    judged: int = 0
    misfits: int = 0


def fold_samples(*, at: datetime) -> int:
    """Fold what waits, unless somebody is at it; return how many samples were folded."""
    with transaction.atomic():
        if not _alone():
            return 0
        waiting = list(SchemaSample.objects.filter(folded=False).order_by("id")[:MOST_SAMPLES])
        groups: dict[tuple[UUID, str], _Group] = {}
        for sample in waiting:
            groups.setdefault((sample.app_id, sample.collection), []).append(sample)
        for (app_id, collection), samples in groups.items():
            schema = _schema_of(app_id, collection, at=at)
            if schema is not None:
                _fold(schema, samples, at=at)
            _prune(app_id, collection, keep=setting("SCHEMA_SAMPLES") if schema else 0)
        fault_point("schemas.before_commit")
        SchemaSample.objects.filter(id__in=[sample.id for sample in waiting]).update(folded=True)
    return len(waiting)


def forget_samples(*, app_id: UUID, owner_id: UUID, at: datetime) -> None:
    """Delete an owner's samples and make the schemas they were part of anew, from what is left of others.

    Runs inside the caller's transaction, or one of its own.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [FOLD_LOCK])
        mine = SchemaSample.objects.filter(owner_id=owner_id)
        touched = set(mine.values_list("collection", flat=True))
        mine.delete()
        schemas = CollectionSchema.objects.select_for_update(no_key=True).filter(app_id=app_id)
        for schema in schemas.filter(collection__in=touched).order_by("id"):
            _make_anew(schema, at=at)


def _make_anew(schema: CollectionSchema, *, at: datetime) -> None:
    left = SchemaSample.objects.filter(app_id=schema.app_id, collection=schema.collection, folded=True)
    shape, sampled = Shape(), 0
    for entries in left.values_list("entries", flat=True):
        for entry in entries:
            shape.merge(Shape.from_data(entry["shape"]))
            sampled += 1
    schema.shape, schema.sampled, schema.updated_at = shape.as_data(), sampled, at
    schema.save(update_fields=["shape", "sampled", "updated_at"])
    for notice in schema.drift.exclude(kind=DriftNotice.Kind.MISFITS):
        if shape.at(path_of(notice.path)) is None:
            notice.delete()


def _alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [FOLD_LOCK])
        return bool(cursor.fetchone()[0])


def _schema_of(app_id: UUID, collection: str, *, at: datetime) -> CollectionSchema | None:
    """Return the row, locked, made where it is missing; None for an app that is gone or has too many collections."""
    rows = CollectionSchema.objects.filter(app_id=app_id)
    found = rows.select_for_update(no_key=True).filter(collection=collection).first()
    if found is not None:
        return found
    if rows.count() >= MOST_COLLECTIONS or not App.objects.filter(id=app_id).exists():
        return None
    return CollectionSchema.objects.create(app_id=app_id, collection=collection, created_at=at, updated_at=at)


def _fold(schema: CollectionSchema, samples: _Group, *, at: datetime) -> None:
    shape = Shape.from_data(schema.shape)
    settled = schema.sampled >= setting("SCHEMA_SETTLED")
    fold = _Fold(shape, schema.sampled, Shape.from_data(schema.shape) if settled else None)
    for sample in samples:
        for entry in sample.entries:
            _look(fold, entry, sample.run_id, is_pinned=schema.pinned is not None)
    before = schema.sampled
    schema.shape, schema.sampled, schema.updated_at = shape.as_data(), fold.sampled, at
    _tell(schema, fold, before, at=at)
    _tell_misfits(schema, fold, samples[-1].run_id, at=at)
    schema.save(update_fields=["shape", "sampled", "judged", "misfits", "updated_at"])


def _look(fold: _Fold, entry: dict[str, Any], run_id: UUID, *, is_pinned: bool) -> None:
    """Count one entry in; where the schema is known well enough, hold the entry to it first."""
    seen = Shape.from_data(entry["shape"])
    found = list(differences(fold.known, seen)) if fold.known is not None else []
    for one in found:
        fold.drift.setdefault((one.kind, pointer(one.path)), (one, run_id))
    if is_pinned or fold.known is not None:
        fold.judged += 1
        fold.misfits += entry["refused"] if is_pinned else bool(found)
    fold.shape.merge(seen)
    fold.sampled += 1
    if fold.known is None and fold.sampled >= setting("SCHEMA_SETTLED"):
        fold.known = Shape.from_data(fold.shape.as_data())


def _tell(schema: CollectionSchema, fold: _Fold, before: int, *, at: datetime) -> None:
    """Write new notices, in the run that showed them first too, and bring the figures of all up to date."""
    known = {(notice.kind, notice.path): notice for notice in schema.drift.exclude(kind=DriftNotice.Kind.MISFITS)}
    for (kind, path), (difference, run_id) in fold.drift.items():
        if (kind, path) in known or len(path) > LONGEST_PATH or len(known) >= MOST_NOTICES:
            continue
        known[kind, path] = _notice(schema, kind, path, difference.detail, run_id, before, at=at)
        known[kind, path].types = list(difference.types)
    for notice in known.values():
        count = _count(notice, fold.shape)
        if count > notice.count:
            notice.last_seen = at
        notice.count, notice.looked_at = count, fold.sampled - notice.sampled_before
        notice.save(update_fields=["types", "count", "looked_at", "last_seen"])


def _count(notice: DriftNotice, shape: Shape) -> int:
    path = path_of(notice.path)
    here = shape.at(path)
    if notice.kind == DriftNotice.Kind.MISSING_MEMBER:
        parent = shape.at(path[:-1])
        return parent.types["object"] - (here.seen if here else 0) if parent else 0
    if here is None:
        return notice.count
    return sum(here.types[name] for name in notice.types) if notice.types else here.seen


def _tell_misfits(schema: CollectionSchema, fold: _Fold, run_id: UUID, *, at: datetime) -> None:
    """Take the share of misfits over whole windows; a share that is too large is told."""
    schema.judged += fold.judged
    schema.misfits += fold.misfits
    if schema.judged < WINDOW:
        return
    if schema.misfits / schema.judged >= setting("DRIFT_SHARE"):
        against = f"version {schema.version}, pinned" if schema.pinned else "the inferred schema"
        detail = f"{schema.misfits} of {schema.judged} entries did not fit {against}"
        notice = schema.drift.filter(kind=DriftNotice.Kind.MISFITS).first() or _notice(
            schema, DriftNotice.Kind.MISFITS, "", detail, run_id, schema.sampled - schema.judged, at=at
        )
        notice.detail, notice.last_seen = detail, at
        notice.count += schema.misfits
        notice.looked_at += schema.judged
        notice.save(update_fields=["detail", "last_seen", "count", "looked_at"])
    schema.judged = schema.misfits = 0


def _notice(
    schema: CollectionSchema, kind: str, path: str, detail: str, run_id: UUID, before: int, *, at: datetime
) -> DriftNotice:
    told = {"collection": schema.collection, "kind": kind, "path": path, "detail": detail}
    note(run_id, Happening.DRIFT, told, at=at)
    return DriftNotice.objects.create(
        app_id=schema.app_id, schema=schema, kind=kind, path=path, detail=detail, sampled_before=before,
        count=0, looked_at=0, first_seen=at, last_seen=at,
    )  # fmt: skip


def _prune(app_id: UUID, collection: str, *, keep: int) -> None:
    """Delete all but the newest samples of a collection."""
    samples = SchemaSample.objects.filter(app_id=app_id, collection=collection)
    newest: Iterable[int] = samples.order_by("-id").values_list("id", flat=True)[keep : keep + 1]
    for oldest_to_go in newest:
        samples.filter(id__lte=oldest_to_go).delete()
