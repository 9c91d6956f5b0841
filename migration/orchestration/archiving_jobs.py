"""Work on archives as an operator sees it: begun, gone on with, paused, cancelled, forgotten."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from migration import lifecycle
from migration.config import setting
from migration.errors import ArchiveInTheWay, NotFound, WrongState
from migration.models import ArchiveJob
from migration.states import ArchiveJobState

LOCKS = 0x61726368
"""Class of the advisory locks under which one process at a time works on an archive."""
_OPEN = (ArchiveJobState.RUNNING, ArchiveJobState.PAUSED, ArchiveJobState.FAILED)


def find_job(job_id: UUID) -> ArchiveJob:
    """Return work on an archive. Raises NotFound."""
    job = ArchiveJob.objects.select_related("app").filter(id=job_id).first()
    if job is None:
        raise NotFound("There is no such work on an archive.")
    return job


def list_jobs(*, app_id: UUID | None = None, most: int = 50) -> list[ArchiveJob]:
    """Return work on archives, newest first."""
    rows = ArchiveJob.objects.select_related("app").order_by("-created_at")
    return list((rows.filter(app_id=app_id) if app_id else rows)[:most])


def has_open_job(app_id: UUID, digest: str) -> bool:
    """Tell whether work on this archive was begun and has not come to its end."""
    return ArchiveJob.objects.filter(app_id=app_id, digest=digest, state__in=_OPEN).exists()


def begin_job(
    *, app_id: UUID, kind: ArchiveJob.Kind, mode: str, source: str, digest: str, fresh: bool, actor: str, at: datetime,
    total: int,
) -> tuple[ArchiveJob, bool]:  # fmt: skip
    """Return the work to do and whether it goes on where it stopped; with `fresh` what was begun is cancelled."""
    with transaction.atomic():
        same = {"app_id": app_id, "kind": kind, "mode": mode, "digest": digest, "state__in": _OPEN}
        known = ArchiveJob.objects.filter(**same).order_by("-created_at").first()
        if known is not None and not fresh:
            if known.state != ArchiveJobState.RUNNING:
                lifecycle.move_archive_job(known.id, ArchiveJobState.RUNNING, at=at, failure="")
            ArchiveJob.objects.filter(id=known.id).update(pause_wished=False)
            return find_job(known.id), True
        if known is not None:
            lifecycle.move_archive_job(known.id, ArchiveJobState.CANCELLED, at=at, finished_at=at)
        job = ArchiveJob.objects.create(
            app_id=app_id,
            kind=kind,
            mode=mode,
            source=source,
            digest=digest,
            total=total,
            actor=actor,
            created_at=at,
            updated_at=at,
        )
        what = {"kind": kind, "mode": mode, "source": source}
        lifecycle.audit(actor=actor, action="archive_begun", target=job.id, at=at, app_id=app_id, data=what)
    return job, False


@contextmanager
def held(job: ArchiveJob) -> Iterator[None]:
    """Be the only one at this work, for as long as the connection lasts. Raises ArchiveInTheWay."""
    number = int.from_bytes(job.id.bytes[:4], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCKS, number])
        if not cursor.fetchone()[0]:
            raise ArchiveInTheWay("Another process is at this work.")
    try:
        yield
    finally:
        if connection.connection is not None and not connection.connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCKS, number])


def wish(job_id: UUID, *, pause: bool | None = None, cancel: bool = False, actor: str, at: datetime) -> ArchiveJob:
    """Wish work to pause, to go on or to end; it answers between batches, and at once where no process is at it.

    Raises NotFound, WrongState for work that has ended.
    """
    with transaction.atomic():
        job = find_job(job_id)
        if job.state not in _OPEN:
            raise WrongState("This work has ended.", state=job.state)
        if cancel and job.state != ArchiveJobState.RUNNING:
            lifecycle.move_archive_job(job.id, ArchiveJobState.CANCELLED, at=at, finished_at=at)
        wishes: dict[str, Any] = {"cancel_wished": cancel} if pause is None else {"pause_wished": pause}
        ArchiveJob.objects.filter(id=job.id).update(**wishes)
        action = "archive_cancel_wished" if cancel else "archive_pause_wished"
        lifecycle.audit(actor=actor, action=action, target=job.id, at=at, app_id=job.app_id, data=wishes)
    job.refresh_from_db()
    return job


def answer_wishes(job_id: UUID, *, at: datetime) -> ArchiveJobState | None:
    """Do as was wished and return the state it led to; None: go on."""
    job = find_job(job_id)
    if job.state != ArchiveJobState.RUNNING:
        return ArchiveJobState(job.state)
    if job.cancel_wished:
        lifecycle.move_archive_job(job_id, ArchiveJobState.CANCELLED, at=at, finished_at=at)
        return ArchiveJobState.CANCELLED
    if job.pause_wished:
        lifecycle.move_archive_job(job_id, ArchiveJobState.PAUSED, at=at)
        return ArchiveJobState.PAUSED
    return None


def forget_jobs(*, at: datetime) -> int:
    """Let work nobody went on with expire, its checkpoint with it; return how many."""
    idle = at - timedelta(days=setting("ARCHIVE_JOB_DAYS"))
    stale = ArchiveJob.objects.filter(state__in=_OPEN, updated_at__lt=idle).values_list("id", flat=True)[:100]
    for job_id in stale:
        lifecycle.move_archive_job(job_id, ArchiveJobState.EXPIRED, at=at, checkpoint={}, finished_at=at)
    return len(stale)


def added(counts: dict[str, dict[str, int]], more: dict[str, Counter[str]]) -> dict[str, dict[str, int]]:
    """Return outcomes by collection, those of a batch added."""
    total = {name: Counter(one) for name, one in counts.items()}
    for name, one in more.items():
        total.setdefault(name, Counter()).update(one)
    return {name: dict(one) for name, one in total.items()}
