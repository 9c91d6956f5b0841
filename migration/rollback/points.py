"""Rollback points: a named (owner, revision), or one such row per owner for a whole app. Never used up."""

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from migration.errors import NotFound
from migration.lifecycle import audit
from migration.models import App, AppPoint, Owner, RollbackPoint

_PATIENCE = 5

# One statement, so one snapshot: an owner's revision is that of its last write committed before it. What is in flight
# then is committed later, and is after the point. Nobody waits for anybody: no owner is locked for a write.
_OF_ALL = """
INSERT INTO migration_rollbackpoint (id, owner_id, app_point_id, name, revision, created_at)
SELECT gen_random_uuid(), o.id, %(point)s, %(name)s, o.revision, %(at)s
FROM migration_owner o WHERE o.app_id = %(app)s AND o.kind <> 'erased'
"""


def list_points(*, owner_id: UUID) -> list[RollbackPoint]:
    """Return an owner's points, those of the whole app among them, newest first."""
    return list(RollbackPoint.objects.filter(owner_id=owner_id).order_by("-created_at", "-revision"))


def create_app_point(*, app_id: UUID, name: str, actor: str, at: datetime) -> AppPoint:
    """Name the revision each owner of an app stands at now; an owner that comes later stood at 0. Raises NotFound."""
    for _ in range(_PATIENCE - 1):
        with suppress(IntegrityError):  # the last of an owner was erased while its row was written
            return _create_app_point(app_id, name, actor, at=at)
    return _create_app_point(app_id, name, actor, at=at)


def _create_app_point(app_id: UUID, name: str, actor: str, *, at: datetime) -> AppPoint:
    with transaction.atomic():
        if not App.objects.filter(id=app_id).exists():
            raise NotFound("There is no such app.")
        point = AppPoint.objects.create(app_id=app_id, name=name, actor=actor, created_at=at)
        with connection.cursor() as cursor:
            cursor.execute(_OF_ALL, {"point": point.id, "name": name, "at": at, "app": app_id})
            point.owners = cursor.rowcount
        point.save(update_fields=["owners"])
        audit(
            actor=actor,
            action="app_point_created",
            target=point.id,
            at=at,
            app_id=app_id,
            data={"owners": point.owners},
        )
    return point


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
