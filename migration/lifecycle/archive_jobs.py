"""Moves of work on archives, and its checkpoints."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from migration.errors import IllegalMove, LeaseLost, NotFound
from migration.lifecycle.together import together
from migration.models import ArchiveJob
from migration.states import ARCHIVE_JOB, ArchiveJobState, RunState

Counts = Mapping[str, Mapping[str, int]]
"""Outcomes by collection."""
_AT_WORK = {RunState.PLANNED, RunState.TRANSFERRING, RunState.VERIFYING}


def move_archive_job(job_id: UUID, to: ArchiveJobState, *, at: datetime, **columns: Any) -> None:
    """Move work along its table and write `columns` with it. Raises IllegalMove (with `state`) or NotFound."""
    with together():
        rows = ArchiveJob.objects.filter(id=job_id)
        source = rows.select_for_update(no_key=True).values_list("state", flat=True).first()
        if source is None:
            raise NotFound("There is no such work.")
        if not ARCHIVE_JOB.allows(source, to):
            raise IllegalMove(f"Work that is {source} cannot become {to}.", state=source)
        rows.update(state=to, updated_at=at, **columns)


def checkpoint_archive_job(job_id: UUID, *, at: datetime, **columns: Any) -> None:
    """Write how far work has come, in the transaction of its batch. Raises LeaseLost when it runs no longer."""
    rows = ArchiveJob.objects.filter(id=job_id, state=ArchiveJobState.RUNNING)
    if not rows.update(updated_at=at, **columns):
        raise LeaseLost("This work was ended by somebody else.")


def checkpoint_piece(
    job_id: UUID,
    piece: int,
    *,
    at: datetime,
    checkpoint: dict[str, Any],
    counts: Counts,
    done: int,
    status: dict[str, Any],
) -> tuple[int, dict[str, dict[str, int]]]:
    """Add what a batch did to one piece of some work, in the batch's transaction; return what all have done together.

    Pieces are worked on side by side; the row is locked from here to the commit. Raises LeaseLost when the work was
    ended.
    """
    rows = ArchiveJob.objects.filter(id=job_id, state=ArchiveJobState.RUNNING)
    job = rows.select_for_update(no_key=True).only("checkpoint", "counts", "done").first()
    if job is None:
        raise LeaseLost("This work was ended by somebody else.")
    total = {name: Counter(one) for name, one in job.counts.items()}
    for name, one in counts.items():
        total.setdefault(name, Counter()).update(one)
    counted = {name: dict(one) for name, one in total.items()}
    rows.update(
        updated_at=at,
        checkpoint={**job.checkpoint, str(piece): checkpoint},
        counts=counted,
        done=job.done + done,
        status=status,
    )
    return job.done + done, counted


def settled_state(state: str) -> str:
    """Return the state a run has in a database that never had its chunks: what was at work there has been cut off."""
    if state in _AT_WORK:
        return RunState.CANCELLED
    return RunState.FAILED if state == RunState.ROLLING_BACK else state
