"""Dangers only the database knows of: `check --deploy --database default`."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.core.checks import CheckMessage, Tags, register
from django.db import DatabaseError, connection

from migration.checks import dangers
from migration.checks.dangers import Danger
from migration.checks.settings import PER_DAY_AND_KEPT, wider
from migration.config import limit_of
from migration.models import App
from migration.walls import role_may_be_taken, tenant_role, walls_wanting

MOST_NAMED = 5
_AT_HOME = ("http://localhost", "http://127.0.0.1", "http://[::1]")
_MIGHTY = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"


@register(Tags.database, deploy=True)
def look_into_the_database(*_: object, databases: Sequence[str] | None = None, **__: Any) -> list[CheckMessage]:
    """Tell of missing walls, a login that passes by them, and apps that are open wider than they should be."""
    if not databases or "migration_app" not in connection.introspection.table_names():
        return []
    try:
        return [*_walls(), *_apps(dangers.PLAIN_ORIGINS, _plain), *_apps(dangers.GENEROUS_APP, _generous)]
    except DatabaseError:
        return []  # the schema is older than the code: migrate says so itself


def _walls() -> Iterator[CheckMessage]:
    role = tenant_role() if role_may_be_taken() else None
    with connection.cursor() as cursor:
        cursor.execute(_MIGHTY)
        is_mighty = bool(cursor.fetchone()[0])
    if is_mighty:
        yield _named(dangers.MIGHTY_LOGIN if role else dangers.UNBOUND)
    elif role is None:
        yield _named(dangers.NO_ROLE)
    if wanting := walls_wanting(role):
        yield dangers.NO_WALL.told(_some([wall.bound.table for wall in wanting]))


def _named(danger: Danger) -> CheckMessage:
    """Return it with the names of the role and of this login in its hint."""
    hint = danger.hint.format(role=tenant_role(), login=connection.settings_dict["USER"])
    return Danger(danger.id, danger.message, hint).told()


def _apps(danger: Danger, is_there: Callable[[App], bool]) -> Iterator[CheckMessage]:
    found = [app.slug for app in App.objects.filter(is_active=True).order_by("slug") if is_there(app)]
    if found:
        yield danger.told(_some(found))


def _plain(app: App) -> bool:
    return any(one.startswith("http:") and not one.startswith(_AT_HOME) for one in app.allowed_origins)


def _generous(app: App) -> bool:
    def limit(name: str) -> int:
        return limit_of(app.limits, name)

    wide = (wider(limit(f"GUEST_{name}"), limit(f"ACCOUNT_{name}")) for name in PER_DAY_AND_KEPT)
    return app.guests_allowed and any(wide)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"({', '.join(names[:MOST_NAMED])}{more})"
