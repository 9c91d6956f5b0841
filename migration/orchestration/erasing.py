"""Erasing an owner: refused from one commit on, then deleted batch by batch, whatever dies in between.

The first commit takes the owner's name away and raises its epoch, so that no token finds it and no batch or rollback
of a run still writes for it; a tombstone keeps its devices from bringing the data back. What follows may be stopped
at any instruction: the next attempt deletes what is left.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from migration import custody, cutover, dispatch, lifecycle, progress
from migration.config import fault_point
from migration.errors import NotFound
from migration.models import Erasure, Owner, SocketTicket
from migration.orchestration.inferring import forget_samples

MOST = 2_000
"""Rows deleted in one commit at most."""
_AT_ONCE = 32
_PATIENCE = 5


def request_erasure(*, owner_id: UUID, actor: str, at: datetime) -> Erasure:
    """Shut an owner out and have everything of it deleted. Asked again, the first erasure is returned.

    Raises NotFound.
    """
    with transaction.atomic():
        # The lock waits for the batch that is writing for this owner; none follows it.
        owner = Owner.objects.select_for_update(no_key=True).filter(id=owner_id).first()
        known = Erasure.objects.filter(owner_id=owner_id).first()
        if known is not None:
            return known
        if owner is None:
            raise NotFound("There is no such owner.")
        return _begin(owner, actor=actor, at=at)


def _begin(owner: Owner, *, actor: str, at: datetime) -> Erasure:
    mark = custody.owner_mark(app_id=owner.app_id, kind=owner.kind, subject=owner.subject)
    epoch = cutover.raise_owner_epoch(owner_id=owner.id, cause="erasure", actor=actor, at=at)
    custody.bury(app_id=owner.app_id, marks=[mark], epoch=epoch.owner, at=at)
    # A guest is one browser; only an account has devices that do not know yet.
    of_devices = mark if owner.kind == Owner.Kind.ACCOUNT else None
    if of_devices is not None:
        custody.bury_devices(owner_id=owner.id, app_id=owner.app_id, mark=mark, at=at)
    Owner.objects.filter(id=owner.id).update(kind=Owner.Kind.ERASED, subject=str(owner.id))
    SocketTicket.objects.filter(owner_id=owner.id).delete()
    erasure = Erasure(app_id=owner.app_id, owner_id=owner.id, mark=of_devices, actor=actor, created_at=at)
    erasure.save(force_insert=True)
    _audit(erasure, "erasure_requested", actor=actor, at=at)
    progress.announce_epoch(owner.id, epoch)
    dispatch.ring()
    return erasure


def due_erasures() -> list[UUID]:
    """Return erasures that are not done, oldest first."""
    due = Erasure.objects.filter(state=Erasure.State.REQUESTED)
    return list(due.order_by("created_at").values_list("id", flat=True)[:_AT_ONCE])


def erase(erasure_id: UUID, *, clock: Callable[[], datetime]) -> Erasure:
    """Delete batch after batch until nothing of the owner is left; return the erasure. Done again, it does nothing.

    Raises IntegrityError when something refers to the owner again and again.
    """
    failures = 0
    while failures < _PATIENCE:
        try:
            if not erase_some(erasure_id, at=clock()):
                break
        except IntegrityError:  # something was added for the owner while the last of it went; it goes next
            failures += 1
            if failures == _PATIENCE:
                raise
        fault_point("erase.after_commit")
    return Erasure.objects.get(id=erasure_id)


def erase_some(erasure_id: UUID, *, at: datetime) -> bool:
    """Delete one batch in one commit and say whether to go on. Raises IntegrityError, with nothing deleted."""
    with transaction.atomic():
        erasure = Erasure.objects.select_for_update().get(id=erasure_id)
        if erasure.state == Erasure.State.DONE:
            return False
        if not erasure.deleted:
            # The first batch; the owner's own request may not touch what was learnt of all.
            forget_samples(app_id=erasure.app_id, owner_id=erasure.owner_id, at=at)
        deleted = custody.delete_some(owner_id=erasure.owner_id, most=MOST)
        if deleted:
            _count(erasure, deleted)
        else:
            _finish(erasure, at=at)
        fault_point("erase.before_commit")
    return True


def _finish(erasure: Erasure, *, at: datetime) -> None:
    Owner.objects.select_for_update().filter(id=erasure.owner_id).first()
    mark = bytes(erasure.mark) if erasure.mark is not None else None
    deleted = custody.delete_last(owner_id=erasure.owner_id, app_id=erasure.app_id, mark=mark, at=at)
    counts = _count(erasure, deleted)
    # From here on nothing ties the ids that audit lines keep to whoever they were.
    Erasure.objects.filter(id=erasure.id).update(state=Erasure.State.DONE, mark=None, finished_at=at)
    _audit(erasure, "erasure_done", actor=erasure.actor, at=at, data={"deleted": counts})


def _count(erasure: Erasure, deleted: Counter[str]) -> dict[str, int]:
    counts = dict(Counter(erasure.deleted) + deleted)
    Erasure.objects.filter(id=erasure.id).update(deleted=counts)
    return counts


def _audit(
    erasure: Erasure, action: str, *, actor: str, at: datetime, data: dict[str, dict[str, int]] | None = None
) -> None:
    lifecycle.audit(
        actor=actor,
        action=action,
        target=erasure.id,
        at=at,
        app_id=erasure.app_id,
        owner_id=erasure.owner_id,
        data=dict(data or {}),
    )
