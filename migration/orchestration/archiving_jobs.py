"""Work on archives as an operator sees it: begun, gone on with, paused, cancelled, forgotten."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from migration import lifecycle
from migration.archives import Manifest
from migration.config import setting
from migration.errors import ArchiveInTheWay, IllegalMove, NotFound, WrongState
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


@dataclass(frozen=True, slots=True)
class JobOrder:
    """What makes work on an archive the same work, beside the archive itself."""

    app_id: UUID
    kind: ArchiveJob.Kind
    mode: str
    path: Path
    collections: list[str] | None = None

    def columns(self, manifest: Manifest) -> dict[str, Any]:
        """Return the columns by which it is known again."""
        named = sorted(self.collections) if self.collections is not None else None
        return {
            "app_id": self.app_id,
            "kind": self.kind,
            "mode": self.mode,
            "digest": manifest.digest(),
            "collections": named,
        }


def begin_job(order: JobOrder, manifest: Manifest, *, fresh: bool, actor: str, at: datetime) -> tuple[ArchiveJob, bool]:
    """Return the work to do and whether it goes on where it stopped; with `fresh` what was begun is cancelled."""
    with transaction.atomic():
        known = _open_job(order, manifest)
        if known is not None and not fresh:
            if known.state != ArchiveJobState.RUNNING:
                lifecycle.move_archive_job(known.id, ArchiveJobState.RUNNING, at=at, failure="")
            ArchiveJob.objects.filter(id=known.id).update(pause_wished=False)
            return find_job(known.id), True
        if known is not None:
            lifecycle.move_archive_job(known.id, ArchiveJobState.CANCELLED, at=at, finished_at=at)
        job = ArchiveJob.objects.create(
            **order.columns(manifest),
            source=str(order.path),
            total=sum(part.lines for part in manifest.parts),
            actor=actor,
            created_at=at,
            updated_at=at,
        )
        what = {"kind": order.kind, "mode": order.mode, "source": str(order.path), "collections": order.collections}
        lifecycle.audit(actor=actor, action="archive_begun", target=job.id, at=at, app_id=order.app_id, data=what)
    return job, False


def has_open_job(order: JobOrder, manifest: Manifest) -> bool:
    """Tell whether this work was begun and has not come to its end."""
    return _open_job(order, manifest) is not None


def running_job(order: JobOrder, manifest: Manifest) -> ArchiveJob:
    """Return work that was begun and runs. Raises NotFound."""
    job = _open_job(order, manifest)
    if job is None or job.state != ArchiveJobState.RUNNING:
        raise NotFound("There is no such work under way.")
    return job


def _open_job(order: JobOrder, manifest: Manifest) -> ArchiveJob | None:
    columns = order.columns(manifest)
    named = columns.pop("collections")
    columns |= {"collections__isnull": True} if named is None else {"collections": named}
    return ArchiveJob.objects.filter(state__in=_OPEN, **columns).order_by("-created_at").first()


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
    """Do as was wished and return the state it led to; None: go on. Raises NotFound."""
    known = ArchiveJob.objects.filter(id=job_id).values_list("state", "cancel_wished", "pause_wished").first()
    if known is None:
        raise NotFound("There is no such work on an archive.")
    state, cancel, pause = known
    if state != ArchiveJobState.RUNNING:
        return ArchiveJobState(state)
    if not (cancel or pause):
        return None
    to = ArchiveJobState.CANCELLED if cancel else ArchiveJobState.PAUSED
    try:
        lifecycle.move_archive_job(job_id, to, at=at, **({"finished_at": at} if cancel else {}))
    except IllegalMove as error:
        return ArchiveJobState(error.extras["state"])  # another worker has answered
    return to


def note_status(job_id: UUID, **said: Any) -> None:
    """Write down what work says of itself while it does nothing else."""
    with transaction.atomic():
        job = ArchiveJob.objects.select_for_update(no_key=True).filter(id=job_id).first()
        if job is not None and any(job.status.get(name) != value for name, value in said.items()):
            ArchiveJob.objects.filter(id=job_id).update(status={**job.status, **said})


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
