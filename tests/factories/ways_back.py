"""A whole app with owners to take back, and the verbs an operator has."""

from typing import Any
from uuid import uuid4

from django.utils import timezone

from migration.models import App, AppPoint, AppRollback, Owner
from migration.orchestration import rolling_back_apps as apps
from migration.rollback import create_app_point
from tests.factories.held import values_of
from tests.factories.loads import make_owner
from tests.factories.writes import write


def owners_of(app: App, count: int) -> list[Owner]:
    """Owners with one entry each."""
    made = [make_owner(app) for _ in range(count)]
    for owner in made:
        write(owner, "k", "before")
    return made


def point_of(app: App) -> AppPoint:
    """Name where the app stands now."""
    return create_app_point(app_id=app.id, name="noon", actor="test", at=timezone.now())


def edit(owners: list[Owner]) -> None:
    """Write each owner's entry anew, on another device."""
    for owner in owners:
        write(owner, "k", "after", device_id=uuid4())


def ask(point: AppPoint, key: Any = None) -> AppRollback:
    """Ask for the app to go back to a point."""
    return apps.request_app_rollback(
        app_id=point.app_id, point_id=point.id, idempotency_key=key or uuid4(), actor="test", at=timezone.now()
    )


def back(order: AppRollback, key: Any = None) -> AppRollback:
    """Ask for a rollback of an app to be undone."""
    return apps.undo_app_rollback(
        app_id=order.app_id, app_rollback_id=order.id, idempotency_key=key or uuid4(), actor="test", at=timezone.now()
    )


def named(order: AppRollback) -> dict[str, Any]:
    """Return what the verbs that steer it are given."""
    return {"app_id": order.app_id, "app_rollback_id": order.id, "actor": "test", "at": timezone.now()}


def held(owners: list[Owner]) -> list[str | None]:
    """Return what each owner's entry holds."""
    return [values_of(owner).get("k") for owner in owners]


def state_of(order: AppRollback) -> str:
    """Return the state it is in now."""
    order.refresh_from_db()
    return str(order.state)
