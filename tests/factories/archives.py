"""Apps with something of everything, and all that is held of an app, to be compared after a round trip."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from django.db import connection
from django.utils import timezone

from migration.archives import Manifest, Scope
from migration.models import App, Conflict, Owner, QuarantineEntry
from migration.orchestration.archiving_export import export_app
from migration.orchestration.archiving_pieces import Standing
from migration.orchestration.archiving_restore import RestoreOrder, restore_archive
from tests.factories.loads import make_device, make_owner, make_run, put_chunk
from tests.factories.workers import Worker

_HELD = {
    "owner": "SELECT id, kind, subject, revision, horizon, epoch, created_at FROM migration_owner WHERE app_id = %s",
    "record": "SELECT *, value::text FROM migration_record WHERE owner_id = ANY(%s)",
    "version": "SELECT *, value::text FROM migration_record_version WHERE owner_id = ANY(%s)",
    "conflict": "SELECT *, loser_value::text FROM migration_conflict WHERE owner_id = ANY(%s)",
    "quarantine": "SELECT * FROM migration_quarantineentry WHERE owner_id = ANY(%s)",
    "device": "SELECT * FROM migration_device WHERE owner_id = ANY(%s)",
    "repetition": "SELECT * FROM migration_repetition WHERE owner_id = ANY(%s)",
}
_NUMBERED = {"conflict", "quarantine"}
_CLEARED = ("record", "record_version", "repetition")


def held_of(app: App) -> dict[str, list[str]]:
    """Return every row of an app's owners, by table, as text; numbers the database gives out are left out."""
    owners = list(Owner.objects.filter(app=app).values_list("id", flat=True))
    found = {}
    for kind, statement in _HELD.items():
        with connection.cursor() as cursor:
            cursor.execute(statement, [app.id if kind == "owner" else owners])
            names = [column.name for column in cursor.description or ()]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        found[kind] = sorted(
            json.dumps({name: _text(value) for name, value in row.items() if not (name == "id" and kind in _NUMBERED)})
            for row in rows
        )
    return found


def empty(app: App) -> None:
    """Take all owners of an app away, and everything of theirs."""
    owners = list(Owner.objects.filter(app=app).values_list("id", flat=True))
    with connection.cursor() as cursor:
        for name in _CLEARED:
            cursor.execute(f"DELETE FROM migration_{name} WHERE owner_id = ANY(%s)", [owners])
    Conflict.objects.filter(owner_id__in=owners).delete()
    QuarantineEntry.objects.filter(owner_id__in=owners).delete()
    Owner.objects.filter(app=app).delete()


def load(owner: Owner, *writes: Mapping[str, str | None] | Iterable[tuple[str, str | None]], **columns: Any) -> None:
    """Load each of `writes` by a device of its own, through the worker."""
    for entries in writes:
        run = make_run(make_device(owner), **columns)
        listed = entries.items() if isinstance(entries, Mapping) else entries
        put_chunk(run, listed, seq=1)
        Worker().load_all()


def make_varied_app(**columns: Any) -> App:
    """Return an app whose owners have records, tombstones, history, conflicts and quarantine."""
    owner = make_owner(**columns)
    load(owner, {"a": "1", "b": "two", "gone": "x", "c": '{"n": 1}'}, {"a": "other", "b": "two"})
    load(owner, [("gone", None), ("late", "here")])
    load(make_owner(owner.app), {f"k{n}": str(n) for n in range(40)})
    return owner.app


def export(app: App, path: Path, **options: Any) -> Manifest:
    """Export an app."""
    scope = Scope(owners=options.pop("owners", None), collections=options.pop("collections", None))
    return export_app(app_id=app.id, path=path, scope=scope, actor="test", at=timezone.now(), **options)


def restore(app: App, path: Path, *, replaces: bool = False, **options: Any) -> Standing:
    """Restore an archive into an app."""
    given = {name: options.pop(name) for name in ("tell", "fresh") if name in options}
    order = RestoreOrder(app_id=app.id, path=path, replaces=replaces, **options)
    return restore_archive(order, actor="test", clock=timezone.now, **given)


def _text(value: object) -> str:
    return bytes(value).hex() if isinstance(value, (bytes, memoryview)) else str(value)
