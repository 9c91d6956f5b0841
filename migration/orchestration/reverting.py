"""The doing of a rollback: by a worker, in one transaction, once."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from django.db import Error, InterfaceError, OperationalError, connection, transaction
from django.db.models import F

from migration import cutover, lifecycle, progress
from migration.config import fault_point, setting
from migration.errors import MigrationError
from migration.events import Happening, Message
from migration.models import Owner, Rollback
from migration.rollback import Outcome, RollbackService
from migration.states import RunState

_service = RollbackService


def execute_rollback(rollback_id: UUID, *, at: datetime) -> Outcome | None:
    """Do a requested rollback in one transaction; None when it is done, was given up, or another worker is at it.

    What fails for a reason of its own, or has taken workers down too often, is marked failed and its run with it;
    a lost connection leaves it requested, to be tried again.
    """
    with _alone_at(rollback_id) as alone:
        attempts = _count_attempt(rollback_id) if alone else None
        return None if attempts is None else attempt(rollback_id, attempts, at=at)


@contextmanager
def _alone_at(rollback_id: UUID) -> Iterator[bool]:
    """Tell whether nobody else is at this rollback, and keep it so. The lock goes with the session, however it ends."""
    key = int.from_bytes(rollback_id.bytes[8:], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
        alone = bool(cursor.fetchone()[0])
    try:
        yield alone
    finally:
        if alone and connection.connection is not None and not connection.connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [key])


def attempt(rollback_id: UUID, attempts: int, *, at: datetime) -> Outcome | None:
    """Do a rollback whose attempt is counted and for which nobody else has one; None as for `execute_rollback`."""
    if attempts > setting("ROLLBACK_ATTEMPTS"):
        _give_up(rollback_id, "Workers died or failed on it.", at=at)
        return None
    try:
        with transaction.atomic():
            outcome = _execute(rollback_id, at=at)
            fault_point("rollback.before_commit")
    except (OperationalError, InterfaceError):
        raise
    except (Error, MigrationError) as error:
        _give_up(rollback_id, type(error).__name__, at=at)
        return None
    fault_point("rollback.after_commit")
    return outcome


def _execute(rollback_id: UUID, *, at: datetime) -> Outcome | None:
    waiting = Rollback.objects.select_related("run", "undoes").filter(id=rollback_id)
    owner_id = waiting.values_list("owner_id", flat=True).get()
    owner = Owner.objects.select_for_update(no_key=True).get(id=owner_id)
    rollback = waiting.select_for_update(of=("self",)).get()
    if rollback.state != Rollback.State.REQUESTED:
        return None
    if rollback.app_rollback_id is not None and not _begin_share(rollback, rollback.app_rollback_id, at=at):
        return None
    outcome = _service.revert(_service.of_rollback(rollback), at=at)
    Rollback.objects.filter(id=rollback_id).update(
        state=Rollback.State.DONE,
        from_revision=outcome.from_revision,
        reverted=outcome.reverted,
        deleted=outcome.deleted,
        kept=outcome.kept_count,
        journaled=outcome.journaled,
        finished_at=at,
    )
    counts = {"reverted": outcome.reverted, "deleted": outcome.deleted, "kept": outcome.kept_count}
    if rollback.run_id is not None:
        lifecycle.move_run(rollback.run_id, RunState.ROLLED_BACK, why="records reverted", at=at)
        lifecycle.note(rollback.run_id, Happening.ROLLBACK, {"rollback": str(rollback_id), **counts}, at=at)
        progress.announce(rollback.run_id, Message.ROLLED_BACK)
    audit_rollback(rollback, "rollback_done", owner.app_id, counts, at=at)
    if outcome.reverted:
        progress.announce_records(owner.id, outcome.from_revision + outcome.reverted)
    return outcome


def _begin_share(rollback: Rollback, app_rollback_id: UUID, *, at: datetime) -> bool:
    """Shut an owner's older writes out, unless the app's rollback was paused since the share was claimed."""
    if not lifecycle.hold_app_rollback(app_rollback_id):
        return False
    epoch = cutover.set_owner_off(owner_id=rollback.owner_id, cause="rollback", actor=rollback.actor, at=at)
    progress.announce_epoch(rollback.owner_id, epoch)
    return True


def _count_attempt(rollback_id: UUID) -> int | None:
    """Count the attempt in a commit of its own: a crash must not undo the count."""
    waiting = Rollback.objects.filter(id=rollback_id, state=Rollback.State.REQUESTED)
    if not waiting.update(attempts=F("attempts") + 1):
        return None
    return waiting.values_list("attempts", flat=True).first()


def _give_up(rollback_id: UUID, failure: str, *, at: datetime) -> None:
    with transaction.atomic():
        rollback = Rollback.objects.select_for_update().get(id=rollback_id)
        if rollback.state != Rollback.State.REQUESTED:
            return
        Rollback.objects.filter(id=rollback_id).update(state=Rollback.State.FAILED, failure=failure, finished_at=at)
        if rollback.run_id is not None:
            lifecycle.move_run(
                rollback.run_id, RunState.FAILED, why="could not revert", at=at, failure_code="rollback_failed"
            )
            progress.record_error(rollback.run_id, "rollback_failed", failure, at=at)
            progress.announce(rollback.run_id, Message.FAILED)


def audit_rollback(rollback: Rollback, action: str, app_id: UUID, data: Mapping[str, object], *, at: datetime) -> None:
    """Append an audit line about a rollback. Part of the caller's transaction."""
    whole = {} if rollback.app_rollback_id is None else {"app_rollback": str(rollback.app_rollback_id)}
    lifecycle.audit(
        actor=rollback.actor,
        action=action,
        target=rollback.id,
        at=at,
        app_id=app_id,
        owner_id=rollback.owner_id,
        data={**data, **whole},
    )
