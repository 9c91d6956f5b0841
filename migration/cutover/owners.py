"""One owner apart from its app: taken off by a rollback, put on again by an operator. Each raises the epoch."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from migration.cutover.coordinator import raise_owner_epoch
from migration.errors import NotFound, WrongState
from migration.models import Owner
from migration.values.epochs import Epoch


def set_owner_off(*, owner_id: UUID, cause: str, actor: str, at: datetime) -> Epoch:
    """Take an owner off under a new epoch: no browser of it sends a change until it is put on. Raises NotFound."""
    with transaction.atomic():
        Owner.objects.filter(id=owner_id).update(switched_off=True)
        return raise_owner_epoch(owner_id=owner_id, cause=cause, actor=actor, at=at)


def set_owner_on(*, owner_id: UUID, actor: str, at: datetime) -> Epoch:
    """Let an owner be at its app's stage again, under a new epoch. Raises NotFound; WrongState where it is not off."""
    with transaction.atomic():
        if not Owner.objects.filter(id=owner_id, switched_off=True).update(switched_off=False):
            if not Owner.objects.filter(id=owner_id).exists():
                raise NotFound("There is no such owner.")
            raise WrongState("The owner is not off.", state="on")
        return raise_owner_epoch(owner_id=owner_id, cause="on_again", actor=actor, at=at)
