"""ZeroDowntimeCoordinator: the epoch (app, owner), who may still write under an older one, and how it rises."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F

from migration.cutover.plans import plan_for
from migration.errors import NotFound, StaleEpoch
from migration.lifecycle import audit
from migration.models import Owner
from migration.values.epochs import Epoch


def current_epoch(*, owner_id: UUID) -> Epoch:
    """Return the epoch an owner's devices write under now. Raises NotFound."""
    row = Owner.objects.filter(id=owner_id).values_list("app__epoch", "epoch").first()
    if row is None:
        raise NotFound("There is no such owner.")
    return Epoch(*row)


def check_epoch(*, told: Epoch, current: Epoch) -> None:
    """Raise StaleEpoch when `current` has risen above what the device was told."""
    if told.is_stale(current):
        raise StaleEpoch(epoch=str(current))


def raise_owner_epoch(*, owner_id: UUID, cause: str, actor: str, at: datetime) -> Epoch:
    """Raise an owner's epoch with its audit line and return the new one. Raises NotFound."""
    with transaction.atomic():
        if not Owner.objects.filter(id=owner_id).update(epoch=F("epoch") + 1):
            raise NotFound("There is no such owner.")
        epoch = current_epoch(owner_id=owner_id)
        app_id = Owner.objects.filter(id=owner_id).values_list("app_id", flat=True).get()
        audit(
            actor=actor,
            action="epoch_raised",
            target=owner_id,
            at=at,
            app_id=app_id,
            owner_id=owner_id,
            data={"epoch": str(epoch), "cause": cause},
        )
    return epoch


class ZeroDowntimeCoordinator:
    """The room's verbs under the seed's name."""

    current_epoch = staticmethod(current_epoch)
    plan_for = staticmethod(plan_for)
    check_epoch = staticmethod(check_epoch)
    raise_owner_epoch = staticmethod(raise_owner_epoch)
