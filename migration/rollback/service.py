"""RollbackService: what one rollback means, its preview, and its doing."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from migration.models import REST, CollectionStage, MigrationRun, Owner, Rollback, RollbackPoint
from migration.rollback.points import create_point, list_points
from migration.rollback.reasons import Reason, reasons_against_revision, reasons_against_run, reasons_against_undo
from migration.rollback.revert import Outcome, Revert, revert
from migration.rollback.within import EVERYTHING, Within
from migration.states import Stage


def of_run(run: MigrationRun) -> Revert:
    """Return what rolling back a run reverts; its point says where the owner stood before it."""
    point = RollbackPoint.objects.filter(run_id=run.id).order_by("created_at").first()
    return Revert(run.owner_id, "run", point.revision if point else 0, run_id=run.id)


def against_run(run: MigrationRun) -> list[Reason]:
    """Return why this run cannot be rolled back now; its app is at hand."""
    point = (
        RollbackPoint.objects.filter(run_id=run.id).order_by("created_at").values_list("revision", flat=True).first()
    )
    horizon = Owner.objects.values_list("horizon", flat=True).get(id=run.owner_id)
    return reasons_against_run(run, is_complete=_is_complete(run), point=point, horizon=horizon)


def _is_complete(run: MigrationRun) -> bool:
    """Tell whether the server alone holds a collection this run moved."""
    stages = dict(CollectionStage.objects.filter(app_id=run.app_id).values_list("collection", "stage"))
    moved = [one["name"] for one in run.manifest["collections"]] or [REST]
    return any(stages.get(name, stages.get(REST)) == Stage.COMPLETE for name in moved)


def of_revision(*, owner_id: UUID, revision: int, within: Within = EVERYTHING) -> Revert:
    """Return what going back to a revision reverts of an owner."""
    return Revert(owner_id, str(within.scope), revision, within=within)


def of_undo(undone: Rollback) -> Revert:
    """Return what undoing a rollback reverts: of a run its keys, else as much of the owner as had gone back."""
    to = undone.from_revision or 0
    if undone.scope == Rollback.Scope.RUN:
        return Revert(undone.owner_id, "undo", to, run_id=undone.run_id, first=to, last=to + undone.reverted)
    return of_revision(owner_id=undone.owner_id, revision=to, within=Within.of_rollback(undone))


def of_rollback(rollback: Rollback) -> Revert:
    """Return what a requested rollback reverts."""
    if rollback.undoes is not None:
        return of_undo(rollback.undoes)
    if rollback.run is not None and rollback.scope == Rollback.Scope.RUN:
        return of_run(rollback.run)
    within = Within.of_rollback(rollback)
    return of_revision(owner_id=rollback.owner_id, revision=rollback.to_revision, within=within)


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
    against_run = staticmethod(against_run)
    reasons_against_run = staticmethod(reasons_against_run)
    reasons_against_revision = staticmethod(reasons_against_revision)
    reasons_against_undo = staticmethod(reasons_against_undo)
    of_run = staticmethod(of_run)
    of_revision = staticmethod(of_revision)
    of_undo = staticmethod(of_undo)
    of_rollback = staticmethod(of_rollback)
    preview = staticmethod(preview)
    revert = staticmethod(revert)
