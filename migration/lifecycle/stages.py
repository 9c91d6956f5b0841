"""Moves of a collection's stage. Whoever holds the app's row changes its stages alone."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from migration.errors import IllegalMove, NotFound
from migration.models import REST, App, CollectionStage, StageChange
from migration.states import STAGE, Stage


def lock_app(app_id: UUID) -> App:
    """Lock an app's row until the caller's transaction ends, and return it. Raises NotFound."""
    app = App.objects.select_for_update(no_key=True).filter(id=app_id).first()
    if app is None:
        raise NotFound("There is no such app.")
    return app


def row_of(app: App, collection: str, *, at: datetime) -> CollectionStage:
    """Return a collection's row, made where it has none: it begins where the rest stands. The app is locked."""
    row = CollectionStage.objects.filter(app=app, collection=collection).first()
    if row is not None:
        return row
    row = CollectionStage.objects.filter(app=app, collection=REST).first() or CollectionStage(app=app)
    row.id, row.collection, row.changed_at = uuid4(), collection, at
    row.save(force_insert=True)
    return row


def move_stage(row: CollectionStage, to: Stage, *, at: datetime, **columns: Any) -> None:
    """Move a row along the table of stages, or leave its stage, and write `columns`. The app is locked.

    Raises IllegalMove (with `state`), changing nothing.
    """
    if to != row.stage and not STAGE.allows(row.stage, to):
        raise IllegalMove(f"A stage cannot go from {row.stage} to {to}.", state=row.stage)
    CollectionStage.objects.filter(id=row.id).update(stage=to, changed_at=at, **columns)


def forget_row(app: App, collection: str) -> None:
    """Take a collection's row away: it goes with the rest from now on. The app is locked."""
    CollectionStage.objects.filter(app=app, collection=collection).delete()


def note_stage_change(app: App, *, panic: bool, at: datetime, **columns: Any) -> StageChange:
    """Raise the app's epoch, set its panic, and append the change under the new epoch. The app is locked."""
    App.objects.filter(id=app.id).update(epoch=app.epoch + 1, panic=panic)
    return StageChange.objects.create(app=app, epoch=app.epoch + 1, at=at, **columns)
