"""Moves of work on archives, and its checkpoints."""

from datetime import datetime
from typing import Any
from uuid import UUID

from migration.errors import IllegalMove, LeaseLost, NotFound
from migration.lifecycle.together import together
from migration.models import ArchiveJob
from migration.states import ARCHIVE_JOB, ArchiveJobState, RunState

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


def settled_state(state: str) -> str:
    """Return the state a run has in a database that never had its chunks: what was at work there has been cut off."""
    if state in _AT_WORK:
        return RunState.CANCELLED
    return RunState.FAILED if state == RunState.ROLLING_BACK else state
