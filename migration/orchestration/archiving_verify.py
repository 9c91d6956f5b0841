"""An archive held to itself, or to what the database holds now; what is missing can be put back."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection, transaction

from migration import lifecycle
from migration.archives import ArchiveReader, BucketDigests, OwnerLine, Place, Slice
from migration.errors import NotFound
from migration.loading import Priority
from migration.loading.verdicts import BY_KEY
from migration.models import App, ArchiveJob
from migration.orchestration.archiving_batches import Batch, Batches, Piece, batcher
from migration.orchestration.archiving_jobs import JobOrder, added, begin_job, find_job, held
from migration.orchestration.archiving_owners import owners_here
from migration.orchestration.archiving_patience import patiently
from migration.orchestration.archiving_pieces import Clock, Standing, Tell
from migration.orchestration.archiving_restore import open_archive
from migration.orchestration.archiving_room import may_go_on
from migration.orchestration.archiving_write import BatchWriter, Terms
from migration.states import ArchiveJobState
from migration.values.digests import fingerprint, key_hash
from migration.values.lines import literal

# Fingerprints are made of the bytes that are stored, as everywhere.
_HELD = """
SELECT s.place, migration_fingerprint(r.key_json, r.form, r.value) = s.fingerprint
FROM unnest(%s::int[], %s::uuid[], %s::text[], %s::bytea[], %s::bytea[])
    AS s(place, owner_id, namespace, key_hash, fingerprint)
JOIN LATERAL (SELECT * FROM migration_record r
    WHERE r.owner_id = s.owner_id AND r.namespace = s.namespace AND r.key_hash = s.key_hash OFFSET 0) r ON true
"""


@dataclass(slots=True)
class Findings:
    """What holding an archive to itself showed: collections whose digests or counts differ from the manifest's."""

    lines: int = 0
    records: int = 0
    differing: dict[str, list[str]] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the archive is what its manifest says."""
        return not self.differing


def verify_file(*, path: Path, tell: Callable[[int], None] | None = None) -> Findings:
    """Read all of an archive and hold files, lines, counts and every bucket's digest to the manifest.

    Raises what reading an archive can raise: an archive that cannot be read has no findings.
    """
    reader, findings = open_archive(path), Findings()
    digests: BucketDigests = BucketDigests()
    counts: dict[str, Counter[str]] = {}
    for piece, _ in reader.slices():
        _add(piece, digests, counts)
        findings.lines += len(piece) + piece.begins
        if tell:
            tell(findings.lines)
    findings.records = sum(one["records"] for one in counts.values())
    found = digests.hexes()
    for name in sorted({*found, *counts, *reader.manifest.collections}):
        if differing := _differing(reader, name, found.get(name, {}), counts.get(name, Counter())):
            findings.differing[name] = differing
    return findings


def _add(piece: Slice, digests: BucketDigests, counts: dict[str, Counter[str]]) -> None:
    for one, key, line in zip(piece.versions, piece.lines.keys, piece.lines.raws, strict=True):
        count = counts.setdefault(one.collection, Counter())
        if one.until is None:
            count["records"] += 1
            bucket = key_hash(literal(key))[0]
            digests.add(piece.owner.id.bytes, one.collection, bucket, fingerprint(line))
        else:
            count["history"] += 1


def _differing(reader: ArchiveReader, name: str, buckets: dict[str, str], count: Counter[str]) -> list[str]:
    said = reader.manifest.collections.get(name)
    if said is None:
        return sorted(buckets)
    differing = sorted(
        bucket for bucket in {*buckets, *said.buckets} if buckets.get(bucket) != said.buckets.get(bucket)
    )
    if (count["records"], count["history"]) != (said.records, said.history):
        differing.append("counts")
    return differing


def verify_against_app(
    *,
    app_id: UUID,
    path: Path,
    repairs: bool,
    actor: str,
    clock: Clock,
    collections: list[str] | None = None,
    priority: Priority = Priority.NORMAL,
    fresh: bool = False,
    tell: Tell | None = None,
) -> Standing:
    """Hold each record of an archive to what the app's owner holds now: `same`, `different` or `missing`.

    With `repairs` what is missing is put back, in the transaction that found it; what differs stays, because somebody
    may have written it since. Goes on where it was cut off, as soon as Postgres is back. Raises as `restore_archive`.
    """
    if not App.objects.filter(id=app_id).exists():
        raise NotFound("There is no such app.")
    reader = open_archive(path)
    order = JobOrder(app_id, ArchiveJob.Kind.VERIFY, "repair" if repairs else "", path, collections)
    terms = Terms(app_id, False, reader.manifest.timeline, False, collections, actor)
    standing = Standing(0, priority=priority)

    def attempt() -> None:
        # `fresh` is for the first time; from then on it goes on.
        anew = fresh and standing.job_id is None
        job, resumed = begin_job(order, reader.manifest, fresh=anew, actor=actor, at=clock())
        standing.take(job, resumed=resumed)
        with held(job):
            standing.state = _Comparison(reader, job, terms, clock, standing, tell, repairs=repairs).run()

    return patiently(attempt, standing, tell=tell)


class _Comparison:
    """One process at one comparison."""

    def __init__(
        self,
        reader: ArchiveReader,
        job: ArchiveJob,
        terms: Terms,
        clock: Clock,
        standing: Standing,
        tell: Tell | None,
        *,
        repairs: bool,
    ) -> None:
        self._job, self._terms, self._clock, self._tell = job, terms, clock, tell
        self._standing, self._repairs = standing, repairs
        self._batches = Batches(reader, batcher(), frozenset(terms.collections) if terms.collections else None)

    def run(self) -> ArchiveJobState:
        kept: dict[str, Any] = self._job.checkpoint
        place = Place(kept["part"], kept["line"]) if kept else Place()
        owner = msgspec.convert(kept["owner"], OwnerLine) if kept else None
        for batch in self._batches.from_(place, continuing=owner):
            going_on = may_go_on(self._standing, priority=self._standing.priority, clock=self._clock, tell=self._tell)
            if not going_on:
                return ArchiveJobState(find_job(self._job.id).state)
            self._compare(batch)
        with transaction.atomic():
            at = self._clock()
            lifecycle.move_archive_job(self._job.id, ArchiveJobState.DONE, at=at, finished_at=at)
        return ArchiveJobState.DONE

    def _compare(self, batch: Batch) -> None:
        standing, at, begun = self._standing, self._clock(), time.perf_counter()
        with transaction.atomic():
            counts, missing = compare(batch, app_id=self._terms.app_id)
            if self._repairs and missing.pieces:
                for name, one in BatchWriter(self._terms).write(missing, at=at).items():
                    counts.setdefault(name, Counter())["repaired"] += one["restored"]
            standing.counts = added(standing.counts, {name: +one for name, one in counts.items()})
            standing.done += batch.lines
            standing.batch = batch.lines
            checkpoint = {
                "part": batch.place.part,
                "line": batch.place.line,
                "owner": msgspec.to_builtins(batch.pieces[-1].slice.owner),
            }
            lifecycle.checkpoint_archive_job(
                self._job.id, at=at, checkpoint=checkpoint, counts=standing.counts, done=standing.done
            )
        self._batches.measured(batch, seconds=time.perf_counter() - begun)
        if self._tell:
            self._tell(standing)


def compare(batch: Batch, *, app_id: UUID) -> tuple[dict[str, Counter[str]], Batch]:
    """Return outcomes by collection, and a batch of what is missing."""
    listed = [
        (piece, number)
        for piece in batch.pieces
        for number, one in enumerate(piece.slice.versions)
        if one.until is None
    ]
    here = owners_here(app_id, [piece.slice.owner for piece in batch.pieces])
    given: list[Any] = [
        list(range(len(listed))),
        [here.get((piece.slice.owner.kind, piece.slice.owner.subject)) for piece, _ in listed],
        [piece.slice.versions[number].namespace for piece, number in listed],
        [piece.rows[number].key_hash for piece, number in listed],
        [piece.rows[number].fingerprint for piece, number in listed],
    ]
    with connection.cursor() as cursor:
        cursor.execute(BY_KEY)
        cursor.execute(_HELD, given)
        held_here = dict(cursor.fetchall())
    counts: dict[str, Counter[str]] = {}
    missing: dict[UUID, Piece] = {}
    for place, (piece, number) in enumerate(listed):
        version, row = piece.slice.versions[number], piece.rows[number]
        same = held_here.get(place)
        gone = same is None and row.value is None  # a deletion of what is not there needs no tombstone
        outcome = "same" if same or gone else "missing" if same is None else "different"
        counts.setdefault(row.collection, Counter())[outcome] += 1
        if outcome == "missing":
            kept = missing.setdefault(piece.slice.owner.id, Piece(Slice(piece.slice.owner), []))
            kept.slice.versions.append(version)
            kept.rows.append(row)
    return counts, Batch(list(missing.values()), batch.place)
