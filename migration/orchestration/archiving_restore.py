"""An archive written back: checked whole first, then piece by piece, batch by batch, each with its checkpoint."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import psutil
import structlog
from django.db import connection, transaction

from migration import lifecycle
from migration.archives import ArchiveReader, Place
from migration.config import encryption_keys, setting
from migration.errors import IllegalMove, MigrationError, NotFound
from migration.loading import (
    AUTO,
    Choice,
    Job,
    Priority,
    Strategy,
    choose,
    latency_seconds,
    secondary_index,
)
from migration.models import App, ArchiveJob, MigrationRun
from migration.orchestration.archiving_batches import Batches, batcher
from migration.orchestration.archiving_helpers import Helpers
from migration.orchestration.archiving_jobs import JobOrder, added, begin_job, find_job, held, running_job
from migration.orchestration.archiving_patience import patiently
from migration.orchestration.archiving_pieces import Clock, PieceWorker, Standing, Tell
from migration.orchestration.archiving_write import BatchWriter, Terms
from migration.rollback.points import create_app_point
from migration.states import ArchiveJobState

log = structlog.get_logger(__name__)
_LOOK = 0.2
"""Seconds between two looks at helpers that are at the last pieces."""


def open_archive(path: Path) -> ArchiveReader:
    """Open one of our archives and hold its files to their digests. Raises what reading one can raise."""
    reader = ArchiveReader(path, keys=encryption_keys(), longest_line=setting("ARCHIVE_LINE_BYTES"))
    reader.check_files()
    return reader


@dataclass(frozen=True, slots=True)
class RestoreOrder:
    """What is restored into which app, and how. `strategy` is one of WISHES, `max_workers` counts this process."""

    app_id: UUID
    path: Path
    replaces: bool
    collections: list[str] | None = None
    strategy: str = AUTO
    max_workers: int = 1
    priority: Priority = Priority.NORMAL

    @property
    def mode(self) -> str:
        """How the work is called in its row."""
        return "replace" if self.replaces else "merge"


def restore_archive(
    order: RestoreOrder, *, actor: str, clock: Clock, fresh: bool = False, tell: Tell | None = None
) -> Standing:
    """Restore an archive into an app, after a rollback point of all its owners.

    Owners that hold nothing get everything as it was: records with revisions and writers, tombstones, history,
    conflicts, quarantine. Into what others hold, what is missing is merged; with `replaces` they are made to hold what
    the archive says, deletions included. Work that was cut off goes on behind its last batch. Raises what is wrong with
    the archive before anything is written, NotFound, ArchiveInTheWay, Unavailable once Postgres is away for too long.
    """
    reader, shown = _opened(order), Standing(0, priority=order.priority)

    def attempt() -> None:
        # `fresh` is for the first time; from then on it goes on.
        _restored(order, reader, shown, actor=actor, clock=clock, fresh=fresh and not shown.job_id, tell=tell)

    return patiently(attempt, shown, tell=tell)


def _restored(
    order: RestoreOrder,
    reader: ArchiveReader,
    shown: Standing,
    *,
    actor: str,
    clock: Clock,
    fresh: bool,
    tell: Tell | None,
) -> None:
    work = JobOrder(order.app_id, ArchiveJob.Kind.RESTORE, order.mode, order.path, order.collections)
    job, resumed = begin_job(work, reader.manifest, fresh=fresh, actor=actor, at=clock())
    with held(job):
        if job.point_id is None:
            point = create_app_point(app_id=order.app_id, name=f"before restore {job.id}", actor=actor, at=clock())
            job.point_id = point.id
            ArchiveJob.objects.filter(id=job.id).update(point_id=point.id)
        choice = _choose(order, reader)
        log.info("strategy_chosen", work=str(job.id), strategy=choice.strategy, reason=choice.reason)
        shown.take(job, resumed=resumed, strategy=f"{choice.strategy}: {choice.reason}")
        shown.indexes = secondary_index(coming=reader.manifest.counts.get("records", 0), there=_records_there())
        terms = _terms(reader, order, actor=actor)
        way, priority = choice.strategy.way, order.priority
        worker = PieceWorker(reader, terms, clock, shown, job_id=job.id, strategy=way, priority=priority, tell=tell)
        with Helpers(_words(order, choice), count=choice.workers - 1) as helpers:
            shown.state = _finished(worker, helpers, shown, clock=clock, tell=tell)


def join_restore(order: RestoreOrder, *, actor: str, clock: Clock, goes_on: Callable[[], bool]) -> Standing:
    """Help at a restore that is under way: take pieces nobody is at, until none is free. Raises NotFound."""
    reader = _opened(order)
    work = JobOrder(order.app_id, ArchiveJob.Kind.RESTORE, order.mode, order.path, order.collections)
    job = running_job(work, reader.manifest)
    standing = Standing(0, priority=order.priority)
    standing.take(job, resumed=True)
    terms = _terms(reader, order, actor=actor)
    way = Strategy(order.strategy).way if order.strategy != AUTO else AUTO
    worker = PieceWorker(
        reader, terms, clock, standing, job_id=job.id, strategy=way, priority=order.priority, goes_on=goes_on
    )
    standing.state = _told_failures(worker, job.id, clock=clock)
    return standing


def _finished(
    worker: PieceWorker, helpers: Helpers, standing: Standing, *, clock: Clock, tell: Tell | None
) -> ArchiveJobState:
    """Work until all pieces are through, whoever was at them; what a helper leaves behind is taken up here."""
    job_id = standing.job_id
    if job_id is None:
        raise NotFound("There is no such work.")
    while True:
        state = _told_failures(worker, job_id, clock=clock)
        left = worker.left()
        # After that look: what helpers did to the last pieces is in what is said in the end.
        now = find_job(job_id)
        standing.done, standing.counts = now.done, now.counts
        if state != ArchiveJobState.RUNNING:
            return state
        if not left:
            return _finish(job_id, at=clock())
        helpers.tend()
        if tell:
            tell(standing)
        time.sleep(_LOOK)


def _told_failures(worker: PieceWorker, job_id: UUID, *, clock: Clock) -> ArchiveJobState:
    try:
        return worker.run()
    except MigrationError as error:
        with suppress(IllegalMove):  # another one has failed, or ended it, before
            lifecycle.move_archive_job(job_id, ArchiveJobState.FAILED, at=clock(), failure=error.code)
        raise


def _finish(job_id: UUID, *, at: datetime) -> ArchiveJobState:
    job = find_job(job_id)
    with transaction.atomic():
        lifecycle.move_archive_job(job_id, ArchiveJobState.DONE, at=at, finished_at=at)
        lifecycle.audit(
            actor=job.actor,
            action="archive_restored",
            target=job_id,
            at=at,
            app_id=job.app_id,
            data={"mode": job.mode, "point": str(job.point_id), "counts": job.counts},
        )
    return ArchiveJobState.DONE


def _choose(order: RestoreOrder, reader: ArchiveReader) -> Choice:
    """Choose by what the archive holds, what the app holds already, and how busy this machine is."""
    manifest = reader.manifest
    held_here = MigrationRun.objects.filter(app_id=order.app_id, state="completed").exists()
    job = Job(
        records=manifest.counts.get("records", 0),
        updates=1.0 if held_here else 0.0,
        pieces=len(manifest.parts),
        cores=len(os.sched_getaffinity(0)),
        busy=psutil.cpu_percent(interval=0.1) / 100,
        latency_seconds=latency_seconds(),
    )
    return choose(job, wished=order.strategy, max_workers=order.max_workers, cpu_threshold=setting("LOAD_CPU_SHARE"))


def _records_there() -> int:
    """Return about how many records there are, as Postgres last counted them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'migration_record'::regclass")
        return int(cursor.fetchone()[0])


def _words(order: RestoreOrder, choice: Choice) -> list[str]:
    slug = App.objects.values_list("slug", flat=True).get(id=order.app_id)
    words = ["migration_restore", str(order.path), "--app", slug, "--mode", order.mode]
    collections = [word for name in order.collections or () for word in ("--collection", name)]
    return [*words, *collections, "--strategy", choice.strategy.way, "--priority", order.priority, "--join"]


def _opened(order: RestoreOrder) -> ArchiveReader:
    if not App.objects.filter(id=order.app_id).exists():
        raise NotFound("There is no such app.")
    return open_archive(order.path)


def preview_restore(
    order: RestoreOrder, *, clock: Clock, sampled: int | None = None, tell: Tell | None = None
) -> Standing:
    """Say what a restore would come to, by doing it (to `sampled` owners, or all) and not committing."""
    reader = _opened(order)
    writer = BatchWriter(_terms(reader, order, actor="preview"))
    standing = Standing(sum(part.lines for part in reader.manifest.parts))
    cut = Batches(reader, batcher(), frozenset(order.collections) if order.collections else None, sampled)
    with transaction.atomic():
        for batch in cut.from_(Place(), continuing=None):
            standing.counts = added(standing.counts, writer.write(batch, at=clock()))
            standing.done += batch.lines
            if tell:
                tell(standing)
        transaction.set_rollback(True)
    standing.state = ArchiveJobState.DONE
    return standing


def _terms(reader: ArchiveReader, order: RestoreOrder, *, actor: str) -> Terms:
    manifest = reader.manifest
    return Terms(
        app_id=order.app_id,
        replaces=order.replaces,
        timeline=manifest.timeline,
        is_ours=manifest.timeline == lifecycle.timeline(),
        collections=order.collections if order.collections is not None else manifest.scope.collections,
        actor=actor,
    )
