"""Steering a run: pause, resume, cancel. Pause and cancel are wishes; work answers them between batches."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from migration import dispatch, progress
from migration.asking import ask
from migration.errors import NotFound, StaleEpoch, WrongState
from migration.events import Message
from migration.lifecycle import move_run, move_upload, wish
from migration.models import Chunk, MigrationRun, Rollback
from migration.states import ChunkState, RunState, UploadState
from migration.values.epochs import Epoch
from migration.values.questions import Statement

PAUSABLE = (RunState.PLANNED, RunState.TRANSFERRING, RunState.VERIFYING)
CANCELLABLE = (RunState.PLANNED, RunState.TRANSFERRING)
_STANDS = ("state", "upload_state", "epoch", "mismatch", "receipt", "statement")
_STANDING = Statement(
    f"SELECT {', '.join(_STANDS)} FROM migration_migrationrun WHERE id = %(run)s::uuid AND owner_id = %(owner)s::uuid"
)


def pause(*, owner_id: UUID, run_id: UUID, at: datetime, actor: str) -> MigrationRun:
    """Wish a run paused. Raises NotFound, WrongState."""
    with transaction.atomic():
        run = _locked(owner_id, run_id)
        if run.state not in PAUSABLE:
            raise WrongState(f"A run that is {run.state} cannot be paused.", state=run.state)
        if not run.pause_wished:
            wish(run_id, at=at, actor=actor, pause_wished=True)
            progress.announce(run_id, Message.STAGE)
    return MigrationRun.objects.get(id=run_id)


def resume(*, owner_id: UUID, run_id: UUID, epoch: Epoch, at: datetime, actor: str) -> MigrationRun:
    """Take back the wish to pause, or let a failed run go on where it stopped, under the epoch that holds now.

    Raises NotFound, WrongState.
    """
    with transaction.atomic():
        run = _locked(owner_id, run_id)
        if run.state == RunState.FAILED:
            _revive(run, epoch=epoch, at=at)
        elif run.state not in PAUSABLE:
            raise WrongState(f"A run that is {run.state} cannot be resumed.", state=run.state)
        if run.pause_wished:
            wish(run_id, at=at, actor=actor, pause_wished=False)
        progress.announce(run_id, Message.STAGE)
        dispatch.ring()
    return MigrationRun.objects.get(id=run_id)


def cancel(*, owner_id: UUID, run_id: UUID, at: datetime, actor: str) -> MigrationRun:
    """Wish a run cancelled; when no worker is at it, it is cancelled at once. What is loaded stays.

    Cancelling a cancelled run changes nothing. Raises NotFound, WrongState.
    """
    with transaction.atomic():
        run = _locked(owner_id, run_id)
        if run.state in CANCELLABLE:
            if not run.cancel_wished:
                wish(run_id, at=at, actor=actor, cancel_wished=True)
            if not answer_cancel(run_id=run_id, at=at):
                progress.announce(run_id, Message.STAGE)
                dispatch.ring()
        elif run.state != RunState.CANCELLED:
            raise WrongState(f"A run that is {run.state} cannot be cancelled.", state=run.state)
    return MigrationRun.objects.get(id=run_id)


def answer_cancel(*, run_id: UUID, at: datetime) -> bool:
    """Cancel a run that is wished cancelled unless a worker holds chunks of it; say whether it was."""
    with transaction.atomic():
        wished = MigrationRun.objects.select_for_update(no_key=True).filter(id=run_id, cancel_wished=True)
        if not wished.filter(state__in=CANCELLABLE).exists():
            return False
        if Chunk.objects.filter(run_id=run_id, state=ChunkState.CLAIMED).exists():
            return False
        move_run(run_id, RunState.CANCELLED, why="cancel", at=at)
        progress.announce(run_id, Message.STAGE)
    return True


def find_standing(*, owner_id: UUID, run_id: UUID) -> MigrationRun:
    """Return a run of this owner with what decides about its receipt, and the receipt. Raises NotFound."""
    rows = ask(_STANDING.of({"run": run_id, "owner": owner_id}))
    if not rows:
        raise NotFound("There is no such run.")
    return MigrationRun.from_db("default", _STANDS, rows[0])


def refuse_ended(run: MigrationRun, *, epoch: Epoch) -> None:
    """Raise StaleEpoch for a sealed run whose chunks nobody loads any more: `epoch` is above the one it began under.

    Whoever waits for its receipt would wait for ever. What is being verified is loaded, and comes to its end.
    """
    waits = run.state in CANCELLABLE and run.upload_state == UploadState.SEALED
    if waits and Epoch.parse(run.epoch).owner < epoch.owner:
        raise StaleEpoch("The run began under an older epoch; start a new one.", epoch=str(epoch))


def _revive(run: MigrationRun, *, epoch: Epoch, at: datetime) -> None:
    """Put a failed run back to transferring with its upload open: what is missing is sent, then sealed again."""
    if Rollback.objects.filter(run_id=run.id, state=Rollback.State.FAILED).exists():
        raise WrongState("Its rollback failed; roll it back again.", state=run.state)
    if run.upload_state in (UploadState.SEALED, UploadState.CONSUMED):
        move_upload(run.id, UploadState.OPEN)
    columns: dict[str, Any] = {"failure_code": "", "verify_rounds": 0, "finished_at": None, "epoch": str(epoch)}
    move_run(run.id, RunState.TRANSFERRING, why="resume", at=at, **columns)


def _locked(owner_id: UUID, run_id: UUID) -> MigrationRun:
    run = MigrationRun.objects.select_for_update(no_key=True).filter(id=run_id, owner_id=owner_id).first()
    if run is None:
        raise NotFound("There is no such run.")
    return run
