"""All of the database as Postgres itself would dump it, to be searched for what must not be there."""

from collections.abc import Iterable, Iterator

from django.db import connection

_TABLES = """
SELECT quote_ident(table_schema) || '.' || quote_ident(table_name) FROM information_schema.tables
WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1
"""


def tables_with(words: Iterable[str]) -> dict[str, set[str]]:
    """Return {table: words} of the words found in any column of any table of the database.

    A word is found as text, as bytes (Postgres writes those in hex), and with the dashes of an id left out.
    """
    looked_for = {word: _shapes(word) for word in words}
    found: dict[str, set[str]] = {}
    for table in _tables():
        for line in _lines(table):
            for word, shapes in looked_for.items():
                if any(shape in line for shape in shapes):
                    found.setdefault(table.rpartition(".")[2], set()).add(word)
    return found


def _shapes(word: str) -> list[bytes]:
    plain, undashed = word.encode(), word.replace("-", "").encode()
    return [plain, undashed, plain.hex().encode()]


def _tables() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        return [table for (table,) in cursor.fetchall()]


def _lines(table: str) -> Iterator[bytes]:
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} TO STDOUT") as copy:
        for block in copy:
            yield bytes(block)
