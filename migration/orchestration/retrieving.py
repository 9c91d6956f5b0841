"""Getting things out again: backups examined and downloaded; records compared."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any
from uuid import UUID

from migration import records
from migration.backups import BackupService, Examination
from migration.errors import BackupExpired, BackupUnreadable, NotFound, TimelineChanged
from migration.extraction import DataExtractor
from migration.lifecycle import audit
from migration.models import App, Backup, Chunk
from migration.orchestration.verification import Ranks
from migration.validation import differing_buckets
from migration.values.digests import set_digest, to_wire
from migration.values.lines import decode_line, literal

_MOST_REFUSED = 1000


@dataclass(frozen=True, slots=True)
class Download:
    """A backup's latest line per key, gzipped, and their set digest. Whoever takes it closes the file."""

    file: IO[bytes]
    digest: bytes


def list_backups(*, owner_id: UUID) -> list[Backup]:
    """Return an owner's backups with their runs, newest first."""
    return BackupService.list_backups(owner_id=owner_id)


def verify_backup(*, owner_id: UUID, backup_id: UUID, at: datetime) -> Examination:
    """Open and check all of a backup and say what is wrong with it. Raises NotFound, BackupExpired."""
    backup, extractor = readable_backup(owner_id, backup_id), DataExtractor()
    found = BackupService.examine(
        backup, chunks=extractor.run_chunks(backup.run_id), open_payload=extractor.open_payload
    )
    if found.ok:
        BackupService.mark_verified(backup, at=at)
    return found


def download_backup(*, owner_id: UUID, backup_id: UUID) -> Download:
    """Return a backup's content. Raises NotFound, BackupExpired, or BackupUnreadable before a byte is handed out.

    A sealed backup whose content is not what was sealed is unreadable too.
    """
    backup = readable_backup(owner_id, backup_id)
    file, digest = BackupService.write_download(chunks=_chunks(backup.run_id))
    if backup.state == Backup.State.SEALED and digest != bytes(backup.digest or b""):
        file.close()
        raise BackupUnreadable("The backup's entries are not those that were sealed.")
    return Download(file, digest)


def take_backup(*, owner_id: UUID, backup_id: UUID, actor: str, at: datetime) -> Download:
    """Hand a backup's content to an operator; who took it stands in the audit log. Raises as `download_backup`."""
    taken = download_backup(owner_id=owner_id, backup_id=backup_id)
    app_id = App.objects.filter(owners=owner_id).values_list("id", flat=True).first()
    audit(actor=actor, action="backup_downloaded", target=backup_id, at=at, app_id=app_id, owner_id=owner_id)
    return taken


def readable_backup(owner_id: UUID, backup_id: UUID) -> Backup:
    """Return an owner's backup whose bytes are still kept. Raises NotFound, BackupExpired."""
    backup = Backup.objects.filter(id=backup_id, owner_id=owner_id).first()
    if backup is None:
        raise NotFound("There is no such backup.")
    if backup.state == Backup.State.EXPIRED:
        raise BackupExpired
    return backup


def compare_records(*, owner_id: UUID, collections: Sequence[Mapping[str, Any]], first: int = 0) -> dict[str, Any]:
    """Compare what an owner's records hold with `collections`, from a bucket on, as far as one answer may reach.

    `collections` are {name, patterns, buckets: {bucket: digest}}. Returns `differing`, {collection: {bucket: [[key
    literal, fingerprint]]}} of what is held where digests differ (deleted keys are not held); `quarantined`, the newest
    refused entries of those buckets, so that they can be told from lost ones; and `next`, the bucket to go on from,
    None when all were compared. Raises NotFound.
    """
    ranks = Ranks.listed(collections)
    stretch = records.read_stretch(owner_id=owner_id, namespace=_namespace(owner_id), rank=ranks.of, first=first)
    differing = _differing(stretch, ranks, collections)
    buckets = {int(bucket, 16) for buckets in differing.values() for bucket in buckets}
    refused = records.set_aside(owner_id=owner_id, buckets=buckets, most=_MOST_REFUSED) if buckets else []
    return {
        "differing": differing,
        "quarantined": [
            {
                "key_json": literal(decode_line(line).key).decode(),
                "collection": collection,
                "fingerprint": to_wire(fingerprint),
                "code": code,
            }
            for line, fingerprint, collection, code in refused
        ],
        "next": None if stretch.until > records.LAST else f"{stretch.until:02x}",
    }


def _differing(
    stretch: records.Stretch, ranks: Ranks, collections: Sequence[Mapping[str, Any]]
) -> dict[str, dict[str, list[list[str]]]]:
    """Return what is held in the buckets of a stretch whose digest is not the one told."""
    ours: dict[str, dict[str, str]] = {}
    for (rank, bucket), held in stretch.held.items():
        ours.setdefault(ranks.names[rank], {})[bucket] = to_wire(set_digest(mark for _, mark in held))
    theirs = {
        one["name"]: {bucket: digest for bucket, digest in one["buckets"].items() if stretch.covers(bucket)}
        for one in collections
    }
    answer: dict[str, dict[str, list[list[str]]]] = {}
    for name, buckets in differing_buckets(ours, theirs).items():
        places = [(bucket, stretch.held.get((ranks.names.index(name), bucket), [])) for bucket in buckets]
        answer[name] = {bucket: [[key, to_wire(mark)] for key, mark in held] for bucket, held in places}
    return answer


def changed_records(
    *, owner_id: UUID, since: int, limit: int, timeline: str, told_timeline: str | None, forgetful: bool = False
) -> records.Changes:
    """Return a page of an owner's records that changed since a revision of `told_timeline`.

    The `forgetful` do not mind that deletions since then may have been forgotten.
    Raises NotFound, TimelineChanged, CursorExpired.
    """
    refuse_other_timeline(told_timeline, now=timeline)
    namespace = _namespace(owner_id)
    return records.changes_since(owner_id=owner_id, namespace=namespace, since=since, limit=limit, forgetful=forgetful)


def read_records(*, owner_id: UUID, keys: Sequence[str]) -> list[records.Named]:
    """Return what an owner holds under each key (a canonical JSON literal), or the first of them. Raises NotFound."""
    return records.records_named(owner_id=owner_id, namespace=_namespace(owner_id), keys=keys)


def refuse_other_timeline(told: str | None, *, now: str) -> None:
    """Raise TimelineChanged when revisions are of another timeline than the one that holds now."""
    if told not in (None, now):
        raise TimelineChanged(timeline=now)


def _chunks(run_id: UUID) -> Iterator[tuple[Chunk, list[bytes]]]:
    extractor = DataExtractor()
    for chunk in extractor.run_chunks(run_id):
        yield chunk, extractor.raw_lines(chunk)


def _namespace(owner_id: UUID) -> str:
    namespace = App.objects.filter(owners=owner_id).values_list("namespace", flat=True).first()
    if namespace is None:
        raise NotFound("There is no such owner.")
    return namespace
