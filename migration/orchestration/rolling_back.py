"""Going back: asked for once, and previewed by the function a worker then does it with."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from uuid import UUID, uuid4

from django.db import transaction

from migration import cutover, dispatch, lifecycle, progress
from migration.errors import CannotRollBack, IdempotencyMismatch, NotFound, WrongState
from migration.events import Message
from migration.models import MigrationRun, Owner, Rollback, RollbackPoint
from migration.orchestration.reverting import audit_rollback
from migration.rollback import EVERYTHING, Outcome, Reason, RollbackService, Within
from migration.states import RunState

_service = RollbackService


def preview_run(*, owner_id: UUID, run_id: UUID, at: datetime) -> tuple[list[Reason], Outcome]:
    """Return why a run cannot be rolled back (empty: it can) and what that would do. Raises NotFound."""
    run = _run(owner_id, run_id)
    return _against(run), _service.preview(_service.of_run(run), at=at)


def preview_point(
    *, owner_id: UUID, point_id: UUID, within: Within = EVERYTHING, at: datetime
) -> tuple[list[Reason], Outcome]:
    """Return why as much of an owner cannot go back to a point, and what that would do. Raises NotFound."""
    point = _point(owner_id, point_id)
    return preview_revision(owner_id=owner_id, revision=point.revision, within=within, at=at)


def preview_revision(*, owner_id: UUID, revision: int, within: Within, at: datetime) -> tuple[list[Reason], Outcome]:
    """Return why as much of an owner cannot go back to a revision, and what that would do. Raises NotFound."""
    what = _service.of_revision(owner_id=owner_id, revision=revision, within=within)
    return _against_revision(owner_id, revision), _service.preview(what, at=at)


def preview_undo(*, owner_id: UUID, rollback_id: UUID, at: datetime) -> tuple[list[Reason], Outcome]:
    """Return why a rollback cannot be undone, and what that would do. Raises NotFound."""
    undone = find_rollback(owner_id=owner_id, rollback_id=rollback_id)
    return _against_undo(undone), _service.preview(_service.of_undo(undone), at=at)


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
        refuse(_against(run))
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
    *, owner_id: UUID, point_id: UUID, within: Within = EVERYTHING, idempotency_key: UUID, actor: str, at: datetime
) -> Rollback:
    """Ask for an owner, or a part of it, to go back to a point. Asked again under the same key, the first is returned.

    Raises NotFound, CannotRollBack (with `reasons`), IdempotencyMismatch.
    """

    def make() -> Rollback:
        point = _point(owner_id, point_id)
        waiting = Rollback.objects.filter(point=point, state=Rollback.State.REQUESTED, app_rollback=None)
        known = waiting.filter(scope=within.scope, collection=within.collection, key_hash=within.key_hash).first()
        return known or _ask_revision(owner_id, point.revision, within, idempotency_key, actor, point=point, at=at)

    return _once(
        owner_id,
        idempotency_key,
        make,
        lambda known: known.point_id == point_id and Within.of_rollback(known) == within,
    )


def request_revision_rollback(
    *, owner_id: UUID, revision: int, within: Within, idempotency_key: UUID, actor: str, at: datetime
) -> Rollback:
    """Ask for an owner, or a part of it, to go back to a revision nobody has named. As `request_point_rollback`."""

    def make() -> Rollback:
        return _ask_revision(owner_id, revision, within, idempotency_key, actor, point=None, at=at)

    def is_same(known: Rollback) -> bool:
        aimed = known.to_revision == revision and known.undoes_id is None and known.run_id is None
        return aimed and Within.of_rollback(known) == within

    return _once(owner_id, idempotency_key, make, is_same)


def undo(*, owner_id: UUID, rollback_id: UUID, idempotency_key: UUID, actor: str, at: datetime) -> Rollback:
    """Ask for a rollback to be undone: a rollback to the revision before it, which can itself be undone.

    Asked again or at the same time, the first undo is returned. Raises NotFound, CannotRollBack.
    """

    def make() -> Rollback:
        undone = find_rollback(owner_id=owner_id, rollback_id=rollback_id)
        known = Rollback.objects.filter(undoes=undone).exclude(state=Rollback.State.FAILED).first()
        if known is not None:
            return known
        refuse(_against_undo(undone))
        rollback = Rollback(
            owner_id=owner_id,
            **asdict(Within.of_rollback(undone)),
            run=undone.run,
            undoes=undone,
            idempotency_key=idempotency_key,
            to_revision=undone.from_revision or 0,
            actor=actor,
        )
        return _ask(rollback, at=at)

    return _once(owner_id, idempotency_key, make, lambda known: known.undoes_id == rollback_id)


def put_owner_on(*, owner_id: UUID, actor: str, at: datetime) -> None:
    """Let an owner that a rollback took off be at its app's stage again; its open pages are told.

    Raises NotFound, and WrongState where it is not off.
    """
    with transaction.atomic():
        epoch = cutover.set_owner_on(owner_id=owner_id, actor=actor, at=at)
        progress.announce_epoch(owner_id, epoch)


def put_owners_on(*, app_id: UUID, actor: str, at: datetime) -> int:
    """Put every owner of an app on that a rollback took off, each by itself; return how many."""
    off = Owner.objects.filter(app_id=app_id, switched_off=True).order_by("id").values_list("id", flat=True)
    count = 0
    for owner_id in off.iterator(chunk_size=1_000):
        with suppress(NotFound, WrongState):  # somebody was faster, or it was erased
            put_owner_on(owner_id=owner_id, actor=actor, at=at)
            count += 1
    return count


def find_rollback(*, owner_id: UUID, rollback_id: UUID) -> Rollback:
    """Return an owner's rollback. Raises NotFound."""
    rollback = Rollback.objects.select_related("run", "owner").filter(id=rollback_id, owner_id=owner_id).first()
    if rollback is None:
        raise NotFound("There is no such rollback.")
    return rollback


def roll_back_failed_run(run: MigrationRun, *, at: datetime) -> Rollback:
    """Roll back a run that asked for it should its verification fail. Part of the caller's transaction."""
    return request_run_rollback(
        owner_id=run.owner_id, run_id=run.id, idempotency_key=uuid4(), actor="onValidationFailure", at=at
    )


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


def _ask_revision(
    owner_id: UUID,
    revision: int,
    within: Within,
    key: UUID,
    actor: str,
    *,
    point: RollbackPoint | None,
    at: datetime,
) -> Rollback:
    refuse(_against_revision(owner_id, revision))
    rollback = Rollback(
        owner_id=owner_id,
        **asdict(within),
        point=point,
        idempotency_key=key,
        to_revision=revision,
        actor=actor,
    )
    return _ask(rollback, at=at)


def _ask(rollback: Rollback, *, at: datetime) -> Rollback:
    """Take the owner off under a new epoch first, so that no write under the old one can follow; then ask."""
    epoch = cutover.set_owner_off(owner_id=rollback.owner_id, cause="rollback", actor=rollback.actor, at=at)
    rollback.save(force_insert=True)
    if rollback.run_id is not None:
        why = "undo" if rollback.undoes_id else "rollback"
        lifecycle.move_run(rollback.run_id, RunState.ROLLING_BACK, why=why, at=at)
        progress.announce(rollback.run_id, Message.STAGE)
    app_id = Owner.objects.values_list("app_id", flat=True).get(id=rollback.owner_id)
    told = {"scope": rollback.scope, "to": rollback.to_revision}
    audit_rollback(rollback, "rollback_requested", app_id, told, at=at)
    progress.announce_epoch(rollback.owner_id, epoch)
    dispatch.ring()
    return rollback


def _against(run: MigrationRun) -> list[Reason]:
    return _service.against_run(run)


def refuse(reasons: list[Reason]) -> None:
    """Raise CannotRollBack with `reasons` if there are any."""
    if reasons:
        told = [{"code": reason.code, "detail": reason.detail} for reason in reasons]
        raise CannotRollBack(reasons[0].detail, reasons=told)


def _against_revision(owner_id: UUID, revision: int) -> list[Reason]:
    owner = Owner.objects.filter(id=owner_id).first()
    if owner is None or not 0 <= revision <= owner.revision:
        raise NotFound("The owner has no such revision.")
    return _service.reasons_against_revision(revision, horizon=owner.horizon)


def _against_undo(undone: Rollback) -> list[Reason]:
    return _service.reasons_against_undo(undone, horizon=undone.owner.horizon)


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
