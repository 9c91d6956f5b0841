"""An app, some owners or some collections written to an archive: one moment's, whole or not there at all."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

from migration import lifecycle
from migration.archives import ArchiveWriter, BucketDigests, Manifest, Scope
from migration.archives.manifest import CollectionCount, Compression
from migration.archives.reading import bound_to
from migration.config import encryption_keys, fault_point
from migration.errors import NotFound
from migration.models import App, Owner
from migration.orchestration.archiving_snapshot import OwnerRows, owners_of, snapshot

Tell = Callable[[Counter[str]], None]
"""Is told the counts so far, now and then."""
_COUNTED = {"conflict": "conflicts", "quarantine": "quarantine", "run": "runs", "device": "devices"}


@dataclass(slots=True)
class _Tally:
    counts: Counter[str] = field(default_factory=Counter)
    collections: dict[str, CollectionCount] = field(default_factory=dict)
    digests: BucketDigests = field(default_factory=BucketDigests)


def export_app(
    *,
    app_id: UUID,
    path: Path,
    scope: Scope,
    compression: Compression = "gzip",
    encrypt: bool = False,
    actor: str,
    at: datetime,
    tell: Tell | None = None,
) -> Manifest:
    """Write an archive to `path` and return its manifest. Memory does not grow with what there is.

    Raises NotFound for an app or owner that is not there, ArchiveInTheWay, OSError for a full disk. Whatever happens
    before the end, nothing stands at `path`; asked again, it begins anew.
    """
    app = _app(app_id, scope)
    keys = encryption_keys() if encrypt else None
    manifest = Manifest(
        id=str(uuid4()),
        app={"id": str(app.id), "slug": app.slug, "name": app.name, "namespace": app.namespace},
        timeline=lifecycle.timeline(),
        created_at=at.isoformat(),
        scope=scope,
        compression=compression,
        encrypted=encrypt,
        counts={},
        collections={},
        parts=[],
    )
    with ArchiveWriter(path, compression=compression, keys=keys, bound_to=bound_to(manifest)) as writer:
        tally = _Tally()
        with snapshot():
            for owner in owners_of(app.id, scope):
                _write(owner, writer, tally)
                fault_point("export.owner")
                if tell:
                    tell(tally.counts)
        _settle(manifest, tally)
        done = writer.finish(manifest)
    _audit(done, path, actor=actor, at=at)
    return done


def _app(app_id: UUID, scope: Scope) -> App:
    app = App.objects.filter(id=app_id).first()
    if app is None:
        raise NotFound("There is no such app.")
    if scope.owners is not None:
        there = Owner.objects.filter(app=app, id__in=scope.owners).exclude(kind=Owner.Kind.ERASED).count()
        if there != len(set(scope.owners)):
            raise NotFound("There is no such owner in this app.")
    return app


def _write(owner: OwnerRows, writer: ArchiveWriter, tally: _Tally) -> None:
    if writer.is_full:
        writer.end_part()
    writer.write(owner.line)
    tally.counts["owners"] += 1
    for kind, _, line in owner.beside():
        writer.write(line)
        tally.counts[_COUNTED.get(kind, kind)] += 1
    digests, whose = tally.digests, owner.id.bytes
    for collection, bucket, is_gone, canonical, line in owner.versions("record"):
        writer.write(line)
        digests.add(whose, collection, bucket, sha256(canonical).digest())
        count = _of(tally, collection)
        count.records += 1
        count.tombstones += is_gone
    for collection, _, _, _, line in owner.versions("version"):
        writer.write(line)
        _of(tally, collection).history += 1
    tally.counts["records"] = sum(one.records for one in tally.collections.values())


def _of(tally: _Tally, collection: str) -> CollectionCount:
    count = tally.collections.get(collection)
    if count is None:
        count = tally.collections[collection] = CollectionCount()
    return count


def _settle(manifest: Manifest, tally: _Tally) -> None:
    hexes = tally.digests.hexes()
    for name, one in tally.collections.items():
        one.buckets = hexes.get(name, {})
    every = tally.collections.values()
    manifest.collections = dict(sorted(tally.collections.items()))
    manifest.counts = {
        **{name: tally.counts[name] for name in ("owners", "devices", "runs", "conflicts", "quarantine")},
        "records": sum(one.records for one in every),
        "tombstones": sum(one.tombstones for one in every),
        "history": sum(one.history for one in every),
    }


def _audit(manifest: Manifest, path: Path, *, actor: str, at: datetime) -> None:
    lifecycle.audit(
        actor=actor,
        action="app_exported",
        target=manifest.id,
        at=at,
        app_id=UUID(manifest.app["id"]),
        data={"path": str(path.resolve()), "encrypted": manifest.encrypted, **manifest.counts},
    )
