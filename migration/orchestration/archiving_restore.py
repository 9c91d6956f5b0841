"""An archive written back: checked whole first, then batch by batch, each with its checkpoint in one transaction."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from django.db import transaction

from migration import lifecycle
from migration.archives import ArchiveReader, OwnerLine, Place
from migration.config import encryption_keys, fault_point, setting
from migration.errors import ArchiveInvalid, MigrationError, NotFound
from migration.loading import AdaptiveBatcher
from migration.models import App, ArchiveJob
from migration.orchestration.archiving_batches import Batch, Batches
from migration.orchestration.archiving_jobs import added, answer_wishes, begin_job, held
from migration.orchestration.archiving_owners import Target
from migration.orchestration.archiving_write import BatchWriter, Terms
from migration.rollback.points import create_app_point
from migration.states import ArchiveJobState

Clock = Callable[[], datetime]


@dataclass(slots=True)
class Standing:
    """How far work on an archive is: lines, outcomes by collection, the batch's size and why."""

    total: int
    done: int = 0
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    batch: int = 0
    reason: str = ""
    state: ArchiveJobState = ArchiveJobState.RUNNING
    job_id: UUID | None = None
    point_id: UUID | None = None
    resumed: bool = False


Tell = Callable[[Standing], None]


def open_archive(path: Path) -> ArchiveReader:
    """Open one of our archives and hold its files to their digests. Raises what reading one can raise."""
    reader = ArchiveReader(path, keys=encryption_keys(), longest_line=setting("ARCHIVE_LINE_BYTES"))
    reader.check_files()
    return reader


def restore_archive(
    *,
    app_id: UUID,
    path: Path,
    replaces: bool,
    actor: str,
    clock: Clock,
    collections: list[str] | None = None,
    fresh: bool = False,
    tell: Tell | None = None,
) -> Standing:
    """Restore an archive into an app, after a rollback point of all its owners.

    Owners that hold nothing get everything as it was: records with revisions and writers, tombstones, history,
    conflicts, quarantine. Into what others hold, what is missing is merged; with `replaces` they are made to hold what
    the archive says, deletions included. Work that was cut off goes on behind its last batch. Raises what is wrong with
    the archive before anything is written, NotFound, ArchiveInTheWay.
    """
    app = App.objects.filter(id=app_id).first()
    if app is None:
        raise NotFound("There is no such app.")
    reader = open_archive(path)
    job, resumed = begin_job(
        app_id=app_id,
        kind=ArchiveJob.Kind.RESTORE,
        mode="replace" if replaces else "merge",
        source=str(path),
        digest=reader.manifest.digest(),
        fresh=fresh,
        actor=actor,
        at=clock(),
        total=sum(part.lines for part in reader.manifest.parts),
    )
    with held(job):
        if job.point_id is None:
            point = create_app_point(app_id=app_id, name=f"before restore {job.id}", actor=actor, at=clock())
            job.point_id = point.id
            ArchiveJob.objects.filter(id=job.id).update(point_id=point.id)
        terms = _terms(reader, app_id, replaces=replaces, collections=collections, actor=actor)
        return _Restore(reader, job, terms, clock, tell, resumed=resumed).run()


def preview_restore(
    *,
    app_id: UUID,
    path: Path,
    replaces: bool,
    clock: Clock,
    collections: list[str] | None = None,
    sampled: int | None = None,
    tell: Tell | None = None,
) -> Standing:
    """Say what a restore would come to, by doing it (to `sampled` owners, or all) and not committing."""
    reader = open_archive(path)
    if not App.objects.filter(id=app_id).exists():
        raise NotFound("There is no such app.")
    writer = BatchWriter(_terms(reader, app_id, replaces=replaces, collections=collections, actor="preview"))
    standing = Standing(sum(part.lines for part in reader.manifest.parts))
    cut = Batches(reader, batcher(), frozenset(collections) if collections else None, sampled)
    with transaction.atomic():
        for batch in cut.from_(Place(), continuing=None):
            standing.counts = added(standing.counts, writer.write(batch, at=clock()))
            standing.done += batch.lines
            if tell:
                tell(standing)
        transaction.set_rollback(True)
    standing.state = ArchiveJobState.DONE
    return standing


def batcher() -> AdaptiveBatcher:
    """Return the batcher the settings ask for."""
    return AdaptiveBatcher.starting(
        target_seconds=setting("ARCHIVE_BATCH_SECONDS"),
        least=setting("ARCHIVE_BATCH_LEAST"),
        start=setting("ARCHIVE_BATCH_START"),
        most=setting("ARCHIVE_BATCH_MOST"),
        memory_bytes=setting("ARCHIVE_BATCH_MEMORY"),
    )


def _terms(reader: ArchiveReader, app_id: UUID, *, replaces: bool, collections: list[str] | None, actor: str) -> Terms:
    manifest = reader.manifest
    return Terms(
        app_id=app_id,
        replaces=replaces,
        timeline=manifest.timeline,
        is_ours=manifest.timeline == lifecycle.timeline(),
        collections=collections if collections is not None else manifest.scope.collections,
        actor=actor,
    )


class _Restore:
    """One process at one restore, from its checkpoint to its end."""

    def __init__(
        self, reader: ArchiveReader, job: ArchiveJob, terms: Terms, clock: Clock, tell: Tell | None, *, resumed: bool
    ) -> None:
        self._reader, self._job, self._clock, self._tell = reader, job, clock, tell
        self._writer = BatchWriter(terms)
        self._batches = Batches(reader, batcher(), frozenset(terms.collections) if terms.collections else None)
        self._standing = Standing(
            job.total, job.done, job.counts, job_id=job.id, point_id=job.point_id, resumed=resumed
        )

    def run(self) -> Standing:
        try:
            self._standing.state = self._load()
        except MigrationError as error:
            lifecycle.move_archive_job(self._job.id, ArchiveJobState.FAILED, at=self._clock(), failure=error.code)
            raise
        return self._standing

    def _load(self) -> ArchiveJobState:
        place, continuing = self._begin()
        for batch in self._batches.from_(place, continuing=continuing):
            ended = answer_wishes(self._job.id, at=self._clock())
            if ended is not None:
                return ended
            self._write(batch)
        return self._finish()

    def _begin(self) -> tuple[Place, OwnerLine | None]:
        kept = self._job.checkpoint
        if not kept:
            return Place(), None
        target = {**kept["target"], "owner_id": UUID(kept["target"]["owner_id"])}
        target["last"] = tuple(target["last"]) if target["last"] else None
        self._writer.target = Target(**target)
        return Place(kept["part"], kept["line"]), msgspec.convert(kept["owner"], OwnerLine)

    def _write(self, batch: Batch) -> None:
        begun, standing = time.perf_counter(), self._standing
        with transaction.atomic():
            outcomes = self._writer.write(batch, at=self._clock())
            standing.counts = added(standing.counts, outcomes)
            standing.done += batch.lines
            standing.batch, standing.reason = batch.lines, self._batches.batcher.size.reason
            lifecycle.checkpoint_archive_job(
                self._job.id,
                at=self._clock(),
                checkpoint=self._checkpoint(batch),
                counts=standing.counts,
                done=standing.done,
                status={"batch": standing.batch, "reason": standing.reason},
            )
            fault_point("archive.before_commit")
        fault_point("archive.after_commit")
        self._batches.measured(batch, seconds=time.perf_counter() - begun)
        if self._tell:
            self._tell(standing)

    def _checkpoint(self, batch: Batch) -> dict[str, Any]:
        target = self._writer.target
        if target is None:
            raise ArchiveInvalid("A batch of the archive names no owner.")
        return {
            "part": batch.place.part,
            "line": batch.place.line,
            "owner": msgspec.to_builtins(batch.pieces[-1].slice.owner),
            "target": {
                "owner_id": str(target.owner_id),
                "is_exact": target.is_exact,
                "is_erased": target.is_erased,
                "is_renamed": target.is_renamed,
                "last": target.last,
            },
        }

    def _finish(self) -> ArchiveJobState:
        at, counts = self._clock(), self._standing.counts
        with transaction.atomic():
            lifecycle.move_archive_job(self._job.id, ArchiveJobState.DONE, at=at, finished_at=at)
            lifecycle.audit(
                actor=self._job.actor,
                action="archive_restored",
                target=self._job.id,
                at=at,
                app_id=self._job.app_id,
                data={"mode": self._job.mode, "point": str(self._job.point_id), "counts": counts},
            )
        return ArchiveJobState.DONE
