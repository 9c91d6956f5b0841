"""Which tables hold something of an owner. Asked of the catalogue, so that a new table cannot be forgotten."""

from collections.abc import Iterable
from dataclasses import dataclass
from graphlib import TopologicalSorter

from django.db import connection

ELSEWHERE: dict[str, str] = {
    "migration_auditline": "append-only; a line holds ids and counts, and ids name nobody once the owner is gone",
    "migration_erasure": "the erasure itself, under the same ids",
}
"""Tables with an owner's id whose rows outlive the owner, each with the reason why."""

_COLUMNS = r"""
SELECT c.relname::text, array_agg(a.attname::text ORDER BY a.attnum),
       array_agg(format_type(a.atttypid, NULL) ORDER BY a.attnum)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND c.relname LIKE 'migration\_%'
GROUP BY c.oid ORDER BY c.relname
"""
_REFERENCES = """
SELECT k.conrelid::regclass::text, k.confrelid::regclass::text, a.attname::text, b.attname::text
FROM pg_constraint k
JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[1]
WHERE k.contype = 'f' AND k.connamespace = current_schema()::regnamespace
"""


@dataclass(frozen=True, slots=True)
class OwnedTable:
    """A table whose rows are an owner's: its columns as (name, type), and `condition`, which says whose they are.

    The condition has a parameter `owner`. Rows that refer to rows of their own table cannot be parted.
    """

    name: str
    columns: tuple[tuple[str, str], ...]
    condition: str
    refers_to_itself: bool


@dataclass(frozen=True, slots=True)
class _Reference:
    child: str
    parent: str
    column: str
    target: str


def owned_tables() -> list[OwnedTable]:
    """Return the tables whose rows go with their owner: those that refer to others come before them.

    That is every table with a column `owner_id`, and every other that refers to a row of one of them.
    """
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS)
        columns = {name: tuple(zip(names, types, strict=True)) for name, names, types in cursor.fetchall()}
        cursor.execute(_REFERENCES)
        references = [_Reference(*row) for row in cursor.fetchall()]
    conditions = {
        name: "owner_id = %(owner)s"
        for name, listed in columns.items()
        if "owner_id" in dict(listed) and name not in ELSEWHERE
    }
    for one in references:
        if one.parent in conditions and one.child in columns and "owner_id" not in dict(columns[one.child]):
            owned = f"SELECT {one.target} FROM {one.parent} WHERE owner_id = %(owner)s"
            conditions[one.child] = f"{one.column} IN ({owned})"
    itself = {one.child for one in references if one.child == one.parent}
    return [
        OwnedTable(name, columns[name], conditions[name], name in itself)
        for name in _children_first(conditions, references)
    ]


def _children_first(names: Iterable[str], references: Iterable[_Reference]) -> list[str]:
    order: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(names, ()))
    for one in references:
        if one.child != one.parent and {one.child, one.parent} <= set(names):
            order.add(one.parent, one.child)
    return list(order.static_order())
