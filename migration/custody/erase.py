"""Deleting everything of one owner, a bounded number of rows at a time, in an order no foreign key forbids."""

from collections import Counter
from datetime import datetime
from uuid import UUID

from django.db import connection

from migration.custody.tables import OwnedTable, owned_tables
from migration.custody.tombstones import bury, device_mark
from migration.models import Device, Owner

DEVICES = Device._meta.db_table  # noqa: SLF001 - Django's documented model API

_SOME = "DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} WHERE {whose} LIMIT %(most)s))"
_ALL = "DELETE FROM {table} WHERE {whose}"


def delete_some(*, owner_id: UUID, most: int) -> Counter[str]:
    """Delete up to `most` rows of the owner from the first table that has any; return {table: rows}, empty: none left.

    Devices stay until the last: each leaves a tombstone of its own. A table whose rows refer to each other is emptied
    at once. Part of the caller's transaction.
    """
    for table in _without_devices():
        # Rows that refer to each other cannot be parted.
        deleted = _delete(table, _ALL if table.refers_to_itself else _SOME, owner_id=owner_id, most=most)
        if deleted:
            return Counter({table.name: deleted})
    return Counter()


def delete_last(*, owner_id: UUID, app_id: UUID, mark: bytes | None, at: datetime) -> Counter[str]:
    """Delete what came in late, the devices with a tombstone for each, and the owner; return {table: rows}.

    The caller holds the owner's lock. Committing fails where something new refers to the owner meanwhile.
    """
    deleted: Counter[str] = Counter()
    for table in _without_devices():
        deleted[table.name] = _delete(table, _ALL, owner_id=owner_id)
    if mark is not None:
        bury_devices(owner_id=owner_id, app_id=app_id, mark=mark, at=at)
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {DEVICES} WHERE owner_id = %s", [owner_id])
        deleted[DEVICES] = cursor.rowcount
        cursor.execute("DELETE FROM migration_owner WHERE id = %s", [owner_id])
        deleted[Owner._meta.db_table] = cursor.rowcount  # noqa: SLF001 - Django's documented model API
    return +deleted


def bury_devices(*, owner_id: UUID, app_id: UUID, mark: bytes, at: datetime) -> None:
    """Leave a tombstone for each of the owner's devices; `mark` is the owner's."""
    keys = Device.objects.filter(owner_id=owner_id).values_list("key", flat=True)
    bury(app_id=app_id, marks=[device_mark(mark, key) for key in keys], epoch=0, at=at)


def _without_devices() -> list[OwnedTable]:
    return [table for table in owned_tables() if table.name != DEVICES]


def _delete(table: OwnedTable, statement: str, *, owner_id: UUID, most: int = 0) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement.format(table=table.name, whose=table.condition), {"owner": owner_id, "most": most})
        return int(cursor.rowcount)
