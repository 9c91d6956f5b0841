"""Going back: asked for once, previewed by the same function, done by a worker in one transaction."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID, uuid4

from django.db import Error, InterfaceError, OperationalError, connection, transaction
from django.db.models import F

from migration import cutover, dispatch, lifecycle, progress
from migration.config import fault_point, setting
from migration.errors import CannotRollBack, IdempotencyMismatch, MigrationError, NotFound
from migration.events import Happening, Message
from migration.models import MigrationRun, Owner, Rollback, RollbackPoint
from migration.rollback import Outcome, Reason, RollbackService
from migration.states import RunState

_service = RollbackService


def preview_run(*, owner_id: UUID, run_id: UUID, at: datetime) -> tuple[list[Reason], Outcome]:
    """Return why a run cannot be rolled back (empty: it can) and what that would do. Raises NotFound."""
    run = _run(owner_id, run_id)
    return _against(run), _service.preview(_service.of_run(run), at=at)


def preview_point(*, owner_id: UUID, point_id: UUID, at: datetime) -> tuple[list[Reason], Outcome]:
    """Return what going back to a point would do. Raises NotFound."""
    return [], _service.preview(_service.of_point(_point(owner_id, point_id)), at=at)


def request_run_rollback(*, owner_id: UUID, run_id: UUID, idempotency_key: UUID, actor: str, at: datetime) -> Rollback:
    """Ask for a run to be rolled back. Asked again or at the same time, the first rollback is returned.

    Raises NotFound, CannotRollBack (with `reasons`), IdempotencyMismatch for a key used for something else.
    """

    def make() -> Rollback:
        run = _run(owner_id, run_id)
        latest = Rollback.objects.filter(run=run, scope=Rollback.Scope.RUN).exclude(state=Rollback.State.FAILED)
        known = latest.order_by("-created_at").first()
        if known is not None and run.state in (RunState.ROLLING_BACK, RunState.ROLLED_BACK) and not known.undoes_id:
            return known
        _refuse(_against(run))
        rollback = Rollback(
            owner_id=owner_id,
            scope=Rollback.Scope.RUN,
            run=run,
            idempotency_key=idempotency_key,
            to_revision=_service.of_run(run).to_revision,
            actor=actor,
        )
        return _ask(rollback, at=at)

    return _once(owner_id, idempotency_key, make, lambda known: known.run_id == run_id and known.undoes_id is None)


def request_point_rollback(
    *, owner_id: UUID, point_id: UUID, idempotency_key: UUID, actor: str, at: datetime
) -> Rollback:
    """Ask for an owner to go back to a point. Asked again under the same key, the first rollback is returned.

    Raises NotFound, IdempotencyMismatch.
    """

    def make() -> Rollback:
        point = _point(owner_id, point_id)
        waiting = Rollback.objects.filter(point=point, state=Rollback.State.REQUESTED).first()
        if waiting is not None:
            return waiting
        rollback = Rollback(
            owner_id=owner_id,
            scope=Rollback.Scope.OWNER,
            point=point,
            idempotency_key=idempotency_key,
            to_revision=point.revision,
            actor=actor,
        )
        return _ask(rollback, at=at)

    return _once(owner_id, idempotency_key, make, lambda known: known.point_id == point_id)


def undo(*, owner_id: UUID, rollback_id: UUID, idempotency_key: UUID, actor: str, at: datetime) -> Rollback:
    """Ask for a rollback to be undone: a rollback to the revision before it, which can itself be undone.

    Asked again or at the same time, the first undo is returned. Raises NotFound, CannotRollBack.
    """

    def make() -> Rollback:
        undone = _rollback(owner_id, rollback_id)
        known = Rollback.objects.filter(undoes=undone).exclude(state=Rollback.State.FAILED).first()
        if known is not None:
            return known
        _refuse(_service.reasons_against_undo(undone))
        rollback = Rollback(
            owner_id=owner_id,
            scope=undone.scope,
            run=undone.run,
            undoes=undone,
            idempotency_key=idempotency_key,
            to_revision=undone.from_revision or 0,
            actor=actor,
        )
        return _ask(rollback, at=at)

    return _once(owner_id, idempotency_key, make, lambda known: known.undoes_id == rollback_id)


def roll_back_failed_run(run: MigrationRun, *, at: datetime) -> Rollback:
    """Roll back a run that asked for it should its verification fail. Part of the caller's transaction."""
    return request_run_rollback(
        owner_id=run.owner_id, run_id=run.id, idempotency_key=uuid4(), actor="onValidationFailure", at=at
    )


def execute_rollback(rollback_id: UUID, *, at: datetime) -> Outcome | None:
    """Do a requested rollback in one transaction; None when it is done, was given up, or another worker is at it.

    What fails for a reason of its own, or has taken workers down too often, is marked failed and its run with it;
    a lost connection leaves it requested, to be tried again.
    """
    with _alone_at(rollback_id) as alone:
        return _attempt(rollback_id, at=at) if alone else None


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


def _attempt(rollback_id: UUID, *, at: datetime) -> Outcome | None:
    attempts = _count_attempt(rollback_id)
    if attempts is None:
        return None
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
    waiting = Rollback.objects.select_related("run", "undoes", "owner").filter(id=rollback_id)
    owner = Owner.objects.select_for_update(no_key=True).get(id=waiting.get().owner_id)
    rollback = waiting.select_for_update(of=("self",)).get()
    if rollback.state != Rollback.State.REQUESTED:
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
    _audit(rollback, "rollback_done", owner.app_id, counts, at=at)
    return outcome


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


def _once(owner_id: UUID, key: UUID, make: Callable[[], Rollback], is_same: Callable[[Rollback], bool]) -> Rollback:
    """Make a rollback under the owner's lock, or return the one its idempotency key made before."""
    with transaction.atomic():
        if not Owner.objects.select_for_update(no_key=True).filter(id=owner_id).exists():
            raise NotFound("There is no such owner.")
        known = Rollback.objects.filter(owner_id=owner_id, idempotency_key=key).first()
        if known is None:
            return make()
        if not is_same(known):
            raise IdempotencyMismatch("This key was used for another rollback.")
        return known


def _ask(rollback: Rollback, *, at: datetime) -> Rollback:
    """Raise the epoch first, so that no write under the old one can follow, then write the request."""
    epoch = cutover.raise_owner_epoch(owner_id=rollback.owner_id, cause="rollback", actor=rollback.actor, at=at)
    rollback.save(force_insert=True)
    if rollback.run_id is not None:
        why = "undo" if rollback.undoes_id else "rollback"
        lifecycle.move_run(rollback.run_id, RunState.ROLLING_BACK, why=why, at=at)
        progress.announce(rollback.run_id, Message.STAGE)
    app_id = Owner.objects.values_list("app_id", flat=True).get(id=rollback.owner_id)
    _audit(rollback, "rollback_requested", app_id, {"scope": rollback.scope, "to": rollback.to_revision}, at=at)
    progress.announce_epoch(rollback.owner_id, epoch)
    dispatch.ring()
    return rollback


def _audit(rollback: Rollback, action: str, app_id: UUID, data: Mapping[str, object], *, at: datetime) -> None:
    lifecycle.audit(
        actor=rollback.actor,
        action=action,
        target=rollback.id,
        at=at,
        app_id=app_id,
        owner_id=rollback.owner_id,
        data=dict(data),
    )


def _against(run: MigrationRun) -> list[Reason]:
    return _service.reasons_against_run(run, stage=run.app.stage)


def _refuse(reasons: list[Reason]) -> None:
    if reasons:
        told = [{"code": reason.code, "detail": reason.detail} for reason in reasons]
        raise CannotRollBack(reasons[0].detail, reasons=told)


def _run(owner_id: UUID, run_id: UUID) -> MigrationRun:
    run = MigrationRun.objects.select_related("app").filter(id=run_id, owner_id=owner_id).first()
    if run is None:
        raise NotFound("There is no such run.")
    return run


def _point(owner_id: UUID, point_id: UUID) -> RollbackPoint:
    point = RollbackPoint.objects.filter(id=point_id, owner_id=owner_id).first()
    if point is None:
        raise NotFound("There is no such rollback point.")
    return point


def _rollback(owner_id: UUID, rollback_id: UUID) -> Rollback:
    rollback = Rollback.objects.select_related("run").filter(id=rollback_id, owner_id=owner_id).first()
    if rollback is None:
        raise NotFound("There is no such rollback.")
    return rollback
