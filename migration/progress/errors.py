"""The bounded history of a run's errors."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from migration.config import setting
from migration.events import Happening
from migration.models import MigrationRun, RunEvent

_DETAIL = 500
"""Longest detail kept, characters."""


def record_error(run_id: UUID, code: str, detail: str, at: datetime) -> None:
    """Add an error to the run's newest ones and to its timeline, in the caller's transaction or one of its own.

    A run that is gone is passed over. The detail must not hold users' values.
    """
    entry = {"code": code, "detail": _plain(detail), "at": at.isoformat().replace("+00:00", "Z")}
    with transaction.atomic():
        locked = MigrationRun.objects.select_for_update(no_key=True).only("owner_id", "errors", "number")
        run = locked.filter(id=run_id).first()
        if run is None:
            return
        number = run.number + 1
        kept = [*run.errors, entry][-setting("ERROR_HISTORY") :]
        MigrationRun.objects.filter(id=run_id).update(errors=kept, number=number, updated_at=at)
        RunEvent.objects.create(
            run_id=run_id, owner_id=run.owner_id, number=number, kind=Happening.ERROR, data=entry, at=at
        )


def _plain(text: str) -> str:
    """Return `text` as jsonb takes it: no NUL, no lone surrogate, not endless."""
    return text[:_DETAIL].replace("\0", "\ufffd").encode(errors="replace").decode()
