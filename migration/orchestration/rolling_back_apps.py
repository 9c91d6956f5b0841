"""A whole app going back: asked for once, done owner by owner, paused, resumed, retried, undone.

Each owner is a transaction of its own: what is done stays done whatever happens to the rest, and can be undone. Any
number of workers take owners at once. Where one ends, another goes on with the next owner.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError, transaction

from migration import dispatch, lifecycle
from migration.config import fault_point, setting
from migration.errors import IdempotencyMismatch, NotFound, WrongState
from migration.models import App, AppPoint, AppRollback, Rollback
from migration.orchestration.reverting import attempt
from migration.orchestration.rolling_back import put_owners_on, refuse
from migration.rollback import (
    EVERYTHING,
    Census,
    Reason,
    RollbackService,
    Standing,
    census_of,
    changed_owners,
    list_shares,
    reasons_against_app_undo,
    standing_of,
)
from migration.states import AppRollbackState

Clock = Callable[[], datetime]
LISTED_AT_ONCE = 2_000
"""Owners given their shares in one commit."""
TAKEN_AT_ONCE = 32
"""Owners claimed by a worker for one round."""
log = structlog.get_logger(__name__)
_UNDER_WAY = (AppRollbackState.AT_WORK, AppRollbackState.PAUSED)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What taking a whole app back would do: owners, and keys of the `counted` of those that have changed since."""

    census: Census
    counted: int
    reverted: int
    deleted: int
    journaled: int

    @property
    def is_whole(self) -> bool:
        """Whether every owner that has changed is counted."""
        return self.counted == self.census.changed


def preview_app(
    *, app_id: UUID, point_id: UUID, at: datetime, most: int | None = None
) -> tuple[list[Reason], Forecast]:
    """Return why an app cannot go back to a point, and what that would do, counted in up to `most` owners.

    Raises NotFound.
    """
    order = AppRollback(app_id=app_id, point=_point(app_id, point_id), created_at=at)
    return _against(app_id), _forecast(order, most, at=at)


def preview_app_undo(
    *, app_id: UUID, app_rollback_id: UUID, at: datetime, most: int | None = None
) -> tuple[list[Reason], Forecast]:
    """Return why an app's rollback cannot be undone, and what that would do. Raises NotFound."""
    undone = find_app_rollback(app_id=app_id, app_rollback_id=app_rollback_id)
    order = AppRollback(app_id=app_id, undoes=undone, created_at=at)
    return reasons_against_app_undo(undone) or _against(app_id, but=undone.id), _forecast(order, most, at=at)


def request_app_rollback(
    *, app_id: UUID, point_id: UUID, idempotency_key: UUID, actor: str, at: datetime
) -> AppRollback:
    """Ask for all owners of an app to go back to a point. Asked again or at the same time, the first is returned.

    Raises NotFound, CannotRollBack (with `reasons`), IdempotencyMismatch for a key used for something else.
    """
    with transaction.atomic():
        _lock(app_id)
        known = AppRollback.objects.filter(app_id=app_id, idempotency_key=idempotency_key).first()
        if known is not None:
            return _same(known, known.point_id == point_id and known.undoes_id is None)
        point = _point(app_id, point_id)
        waiting = AppRollback.objects.filter(point=point, state__in=_UNDER_WAY, undoes=None).first()
        if waiting is not None:
            return waiting
        refuse(_against(app_id))
        order = AppRollback(
            app_id=app_id, point=point, idempotency_key=idempotency_key, owners=0, actor=actor, created_at=at
        )
        return _begin(order, {"point": str(point_id)})


def undo_app_rollback(
    *, app_id: UUID, app_rollback_id: UUID, idempotency_key: UUID, actor: str, at: datetime
) -> AppRollback:
    """Ask for what an app's rollback has done to be undone; one that is paused goes no further then.

    The undo is a rollback of the app like any other. Asked again or at the same time, the first undo is returned.
    Raises NotFound, CannotRollBack, IdempotencyMismatch.
    """
    with transaction.atomic():
        _lock(app_id)
        known = AppRollback.objects.filter(app_id=app_id, idempotency_key=idempotency_key).first()
        if known is not None:
            return _same(known, known.undoes_id == app_rollback_id)
        undone = find_app_rollback(app_id=app_id, app_rollback_id=app_rollback_id)
        undo = AppRollback.objects.filter(undoes=undone).first()
        if undo is not None:
            return undo
        refuse(reasons_against_app_undo(undone) or _against(app_id, but=undone.id))
        if undone.state == AppRollbackState.PAUSED:
            lifecycle.move_app_rollback(undone.id, AppRollbackState.STOPPED, finished_at=at)
        order = AppRollback(
            app_id=app_id, undoes=undone, idempotency_key=idempotency_key, owners=0, actor=actor, created_at=at
        )
        return _begin(order, {"undoes": str(app_rollback_id)})


def pause_app_rollback(*, app_id: UUID, app_rollback_id: UUID, actor: str, at: datetime) -> AppRollback:
    """Take no further owner; owners that are being taken come to their end. Raises NotFound, WrongState."""
    return _steer(app_id, app_rollback_id, AppRollbackState.PAUSED, actor=actor, at=at)


def resume_app_rollback(*, app_id: UUID, app_rollback_id: UUID, actor: str, at: datetime) -> AppRollback:
    """Go on with the owners that are left. Raises NotFound, WrongState."""
    with transaction.atomic():
        order = find_app_rollback(app_id=app_id, app_rollback_id=app_rollback_id)
        if order.state == AppRollbackState.DONE:
            raise WrongState("It is done; owners that failed are retried.", state=str(order.state))
        return _steer(app_id, app_rollback_id, AppRollbackState.AT_WORK, actor=actor, at=at)


def retry_app_rollback(*, app_id: UUID, app_rollback_id: UUID, actor: str, at: datetime) -> AppRollback:
    """Take the owners that failed once more.

    Raises NotFound; WrongState where none failed, or it was undone since; CannotRollBack while another is under way.
    """
    with transaction.atomic():
        _lock(app_id)
        order = find_app_rollback(app_id=app_id, app_rollback_id=app_rollback_id)
        if AppRollback.objects.filter(undoes=order).exists():
            # What went back now, no undo would ever reach.
            raise WrongState("It was undone since.", state=str(order.state))
        refuse(_against(app_id, but=order.id))
        failed = order.shares.filter(state=Rollback.State.FAILED)
        again = failed.update(state=Rollback.State.REQUESTED, failure="", attempts=0, holder=None, finished_at=None)
        if not again:
            raise WrongState("No owner of it has failed.", state=str(order.state))
        return _steer(app_id, app_rollback_id, AppRollbackState.AT_WORK, actor=actor, at=at, owners=again)


def put_owners_on_again(*, app_id: UUID, app_rollback_id: UUID, actor: str, at: datetime) -> AppRollback:
    """Put every owner of the app on that rollbacks took off. Raises NotFound, and WrongState while one is at work."""
    order = find_app_rollback(app_id=app_id, app_rollback_id=app_rollback_id)
    # This one, or its undo, or another: whom it has taken already would write again amid those it has not.
    if AppRollback.objects.filter(app_id=app_id, state=AppRollbackState.AT_WORK).exists():
        raise WrongState("Owners are being taken back at this moment.", state=str(order.state))
    put_owners_on(app_id=app_id, actor=actor, at=at)
    return order


def find_app_rollback(*, app_id: UUID, app_rollback_id: UUID) -> AppRollback:
    """Return an app's rollback. Raises NotFound."""
    order = AppRollback.objects.select_related("point").filter(id=app_rollback_id, app_id=app_id).first()
    if order is None:
        raise NotFound("There is no such rollback.")
    return order


def progress_of(order: AppRollback, *, at: datetime) -> Standing:
    """Say how far an app's rollback is."""
    return standing_of(order, at=at)


def roll_back_some_owners(*, holder: int, clock: Clock) -> bool:
    """Do one bounded round of each app's rollback that is at work; say whether anything was done."""
    orders = list(AppRollback.objects.filter(state=AppRollbackState.AT_WORK).order_by("created_at")[:8])
    done = [_try(partial(_round, order, holder=holder, clock=clock), order.id) for order in orders]
    return any(done)


def _round(order: AppRollback, *, holder: int, clock: Clock) -> bool:
    listed = _list_some(order)
    shares = lifecycle.claim_shares(
        order.id, holder=holder, at=clock(), lease_seconds=setting("LEASE_SECONDS"), most=TAKEN_AT_ONCE
    )
    if not shares:
        return _finish(order, at=clock()) or listed
    fault_point("app_rollback.after_claim")
    dispatch.ring(after_commit=False)  # whoever is idle joins in
    failed = [share for share, times in shares if _try(partial(attempt, share, times, at=clock()), share) is False]
    lifecycle.release_shares(failed, holder=holder, forgive=False)
    # What a pause has left undone.
    lifecycle.release_shares([share for share, _ in shares], holder=holder, forgive=True)
    return True


def _try(act: Callable[[], object], one: UUID) -> object:
    """Do one and return what it comes to; False for a failure, which must not keep the others from being done."""
    try:
        return act()
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001 - said above
        log.error("app_rollback_failed", error=type(error).__name__, id=str(one))  # noqa: TRY400 - may quote a value
        return False


def _list_some(order: AppRollback) -> bool:
    """Give some owners their shares, unless all have one or another worker is at it."""
    with transaction.atomic():
        rows = AppRollback.objects.select_for_update(skip_locked=True)
        locked = rows.filter(id=order.id, state=AppRollbackState.AT_WORK, all_listed=False).first()
        if locked is None:
            return False
        list_shares(locked, most=LISTED_AT_ONCE)
    fault_point("app_rollback.after_list")
    return True


def _finish(order: AppRollback, *, at: datetime) -> bool:
    with transaction.atomic():
        if not lifecycle.finish_app_rollback(order.id, at=at):
            return False
        order.all_listed = True
        standing = standing_of(order, at=at)
        counts = {"owners": standing.owners, "failed": standing.failed, "reverted": standing.reverted}
        _audit(order, "app_rollback_done", counts, actor=order.actor, at=at)
    return True


def _forecast(order: AppRollback, most: int | None, *, at: datetime) -> Forecast:
    counted = reverted = deleted = journaled = 0
    for owner_id, revision in changed_owners(order, most=most):
        what = RollbackService.of_revision(owner_id=owner_id, revision=revision, within=EVERYTHING)
        outcome = RollbackService.preview(what, at=at)
        counted += 1
        reverted += outcome.reverted
        deleted += outcome.deleted
        journaled += outcome.journaled
    return Forecast(census_of(order), counted, reverted, deleted, journaled)


def _begin(order: AppRollback, data: dict[str, object]) -> AppRollback:
    census = census_of(order)
    order.owners, order.absent = census.owners, census.absent
    order.save(force_insert=True)
    told = {**data, "owners": census.owners, "absent": census.absent}
    _audit(order, "app_rollback_requested", told, actor=order.actor, at=order.created_at)
    dispatch.ring()
    return order


def _steer(
    app_id: UUID, app_rollback_id: UUID, to: AppRollbackState, *, actor: str, at: datetime, **told: object
) -> AppRollback:
    """Move it; being there already is what was asked for."""
    with transaction.atomic():
        order = find_app_rollback(app_id=app_id, app_rollback_id=app_rollback_id)
        if order.state != to:
            lifecycle.move_app_rollback(order.id, to, finished_at=None)
        _audit(order, f"app_rollback_{to}", told, actor=actor, at=at)
        dispatch.ring()
    order.refresh_from_db()
    return order


def _against(app_id: UUID, *, but: UUID | None = None) -> list[Reason]:
    under_way = AppRollback.objects.filter(app_id=app_id, state__in=_UNDER_WAY)
    if any(order != but for order in under_way.values_list("id", flat=True)):
        return [Reason("rolling_back", "A rollback of this app is under way.")]
    return []


def _same(known: AppRollback, is_same: bool) -> AppRollback:
    if not is_same:
        raise IdempotencyMismatch("This key was used for another rollback.")
    return known


def _lock(app_id: UUID) -> None:
    if not App.objects.select_for_update(no_key=True).filter(id=app_id).exists():
        raise NotFound("There is no such app.")


def _point(app_id: UUID, point_id: UUID) -> AppPoint:
    point = AppPoint.objects.filter(id=point_id, app_id=app_id).first()
    if point is None:
        raise NotFound("There is no such rollback point.")
    return point


def _audit(order: AppRollback, action: str, data: Mapping[str, object], *, actor: str, at: datetime) -> None:
    lifecycle.audit(actor=actor, action=action, target=order.id, at=at, app_id=order.app_id, data=dict(data))
