"""A foreign file of an owner's entries, brought in as a run: backed up, judged, verified, receipted, undone like one.

The run and its chunks get ids made of the file's content, so that the same file again is the same run: what is stored
already is not stored twice, and what was cut off goes on.
"""

import gzip
import hashlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid5

from migration import cutover
from migration.archives import foreign_entries
from migration.config import setting
from migration.errors import ArchiveInvalid, NotFound
from migration.models import App, Device, MigrationRun, Owner
from migration.orchestration.intake import Parcel, Sender, receive_chunk, seal
from migration.orchestration.ordering import RunOrder, create_run
from migration.uploads import ChunkHead
from migration.values.collections import compile_labels
from migration.values.digests import bucket_of, fingerprint, key_hash, set_digest, to_wire
from migration.values.lines import encode_line, literal
from migration.values.manifests import CollectionClaim, Manifest

_LINES, _BYTES = 2_000, 512 * 1024
"""Of a chunk: as many lines, or as many bytes before the last of them."""
INFLATED = 1 << 36
"""Bytes a foreign file may inflate to; it is read in pieces."""


def import_entries(*, app_id: UUID, owner_id: UUID, path: Path, dry_run: bool, at: datetime) -> MigrationRun:
    """Store a file's entries as a run of an owner's and return the run; workers load it.

    The file is read twice: what is announced is known before anything is stored. Raises what reading a foreign file and
    what sending a run can raise, NotFound; an unreadable file changes nothing.
    """
    owner = Owner.objects.select_related("app").filter(id=owner_id, app_id=app_id).first()
    if owner is None:
        raise NotFound("There is no such owner in this app.")
    manifest, digest = _announced(owner.app, path)
    run_id = uuid5(owner_id, f"{digest.hex()}:{dry_run}")
    device, _ = Device.objects.get_or_create(owner=owner, key=uuid5(owner_id, "import"))
    sender = Sender(owner.app, owner_id, device.id, cutover.current_epoch(owner_id=owner_id))
    order = RunOrder(run_id, "migrate", dry_run, {}, manifest, digest)
    run, _ = create_run(sender=sender, order=order, at=at)
    if run.sealed_at is not None:
        return run
    seq = int(run.created_at.timestamp() * 1000)  # the same when it goes on; later than what was imported before
    for number, lines in enumerate(_chunks(path)):
        receive_chunk(sender=sender, run_id=run_id, parcel=_parcel(run_id, number, lines, seq=seq), at=at)
    return seal(sender=sender, run_id=run_id, manifest=manifest, at=at)


def _announced(app: App, path: Path) -> tuple[Manifest, bytes]:
    label = compile_labels([(one["name"], one["patterns"]) for one in app.collections]).label
    patterns = {one["name"]: list(one["patterns"]) for one in app.collections}
    content, keys = hashlib.sha256(), set[bytes]()
    prints: dict[str, dict[str, list[bytes]]] = {}
    sizes: dict[str, int] = {}
    for line, key in _lines(path):
        content.update(line + b"\n")
        hashed = key_hash(literal(key))
        if hashed in keys:
            raise ArchiveInvalid("A key stands twice in the file.")
        keys.add(hashed)
        name = label(key)
        prints.setdefault(name, {}).setdefault(bucket_of(hashed), []).append(fingerprint(line))
        sizes[name] = sizes.get(name, 0) + len(line)
    claims = [
        CollectionClaim(
            name=name,
            patterns=patterns.get(name, []),
            entries=sum(map(len, buckets.values())),
            bytes=sizes[name],
            buckets={bucket: to_wire(set_digest(marks)) for bucket, marks in sorted(buckets.items())},
        )
        for name, buckets in sorted(prints.items())
    ]
    if not claims:
        raise ArchiveInvalid("The file holds no entry.")
    manifest = Manifest(version=1, entries=len(keys), bytes=sum(sizes.values()), collections=claims)
    return manifest, content.digest()


def _lines(path: Path) -> Iterator[tuple[bytes, str]]:
    for key, value in foreign_entries(path, longest=setting("ARCHIVE_LINE_BYTES"), most=INFLATED):
        yield encode_line(key, value), key


def _chunks(path: Path) -> Iterator[list[bytes]]:
    lines, size = list[bytes](), 0
    for line, _ in _lines(path):
        if lines and (len(lines) >= _LINES or size + len(line) > _BYTES):
            yield lines
            lines, size = [], 0
        lines.append(line)
        size += len(line) + 1
    yield lines


def _parcel(run_id: UUID, number: int, lines: list[bytes], *, seq: int) -> Parcel:
    payload = b"\n".join([*lines, b""])
    packed = gzip.compress(payload, 6, mtime=0)
    # What compresses better than intake believes anything does goes as it is.
    is_packed = len(payload) <= setting("INFLATE_RATIO") * len(packed)
    head = ChunkHead(
        id=uuid5(run_id, str(number)),
        seq=seq,
        entries=len(lines),
        payload_bytes=len(payload),
        sha256=hashlib.sha256(payload).digest(),
        encoding="gzip" if is_packed else "identity",
    )
    return Parcel(head, packed if is_packed else payload)
