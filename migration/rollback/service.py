"""RollbackService: what one rollback means, its preview, and its doing."""

from datetime import datetime

from django.db import transaction

from migration.models import MigrationRun, Rollback, RollbackPoint
from migration.rollback.points import create_point, list_points
from migration.rollback.reasons import reasons_against_run, reasons_against_undo
from migration.rollback.revert import Outcome, Revert, revert


def of_run(run: MigrationRun) -> Revert:
    """Return what rolling back a run reverts; its point says where the owner stood before it."""
    point = RollbackPoint.objects.filter(run_id=run.id).order_by("created_at").first()
    return Revert(run.owner_id, "run", point.revision if point else 0, run_id=run.id)


def of_point(point: RollbackPoint) -> Revert:
    """Return what going back to a point reverts."""
    return Revert(point.owner_id, "owner", point.revision)


def of_undo(undone: Rollback) -> Revert:
    """Return what undoing a rollback reverts: scope run gives back its keys, scope owner the whole revision."""
    to = undone.from_revision or 0
    if undone.scope == Rollback.Scope.OWNER:
        return Revert(undone.owner_id, "owner", to)
    return Revert(undone.owner_id, "undo", to, run_id=undone.run_id, first=to, last=to + undone.reverted)


def of_rollback(rollback: Rollback) -> Revert:
    """Return what a requested rollback reverts."""
    if rollback.undoes is not None:
        return of_undo(rollback.undoes)
    if rollback.run is not None and rollback.scope == Rollback.Scope.RUN:
        return of_run(rollback.run)
    return Revert(rollback.owner_id, "owner", rollback.to_revision)


def preview(what: Revert, *, at: datetime) -> Outcome:
    """Say what `revert` would do, by doing it and not committing."""
    with transaction.atomic():
        outcome = revert(what, at=at)
        transaction.set_rollback(True)
    return outcome


class RollbackService:
    """The room's verbs under the seed's name."""

    list_points = staticmethod(list_points)
    create_point = staticmethod(create_point)
    reasons_against_run = staticmethod(reasons_against_run)
    reasons_against_undo = staticmethod(reasons_against_undo)
    of_run = staticmethod(of_run)
    of_point = staticmethod(of_point)
    of_undo = staticmethod(of_undo)
    of_rollback = staticmethod(of_rollback)
    preview = staticmethod(preview)
    revert = staticmethod(revert)
