"""Rollback points: a named (owner, revision). Never used up."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from migration.lifecycle import audit
from migration.models import Owner, RollbackPoint


def list_points(*, owner_id: UUID) -> list[RollbackPoint]:
    """Return an owner's points, newest first."""
    return list(RollbackPoint.objects.filter(owner_id=owner_id).order_by("-created_at", "-revision"))


def create_point(*, owner_id: UUID, name: str, actor: str, at: datetime) -> RollbackPoint:
    """Name the revision an owner stands at now. The owner's lock keeps a batch from committing in between."""
    with transaction.atomic():
        owner = Owner.objects.select_for_update(no_key=True).get(id=owner_id)
        point = RollbackPoint.objects.create(owner=owner, name=name, revision=owner.revision)
        audit(
            actor=actor,
            action="rollback_point_created",
            target=point.id,
            at=at,
            app_id=owner.app_id,
            owner_id=owner_id,
            data={"revision": owner.revision},
        )
    return point
