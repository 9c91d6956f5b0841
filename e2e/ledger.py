"""What Postgres holds, read behind everybody's back."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

VERBATIM = 1
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run's row."""

    id: str
    owner: str
    state: str
    entries_total: int
    entries_received: int
    chunks_received: int
    receipt: str


class Ledger:
    """Reads the stack's database. Strings are given as JavaScript has them: pairs of surrogates are one character."""

    def __init__(self, url: str) -> None:
        self._url = url

    def run(self, run_id: str) -> Run:
        """Return a run; raises LookupError."""
        columns = "id::text, owner_id::text, state, entries_total, entries_received, chunks_received, receipt"
        rows = self._rows(f"SELECT {columns} FROM migration_migrationrun WHERE id = %s", run_id)
        if not rows:
            raise LookupError(run_id)
        names = ("id", "owner", "state", "entries_total", "entries_received", "chunks_received", "receipt")
        return Run(**dict(zip(names, rows[0], strict=True)))

    def runs_of(self, owner: str) -> list[str]:
        """Return the ids of an owner's runs, oldest first."""
        rows = self._rows(
            "SELECT id::text FROM migration_migrationrun WHERE owner_id = %s AND purpose = 'migrate'"
            " ORDER BY created_at",
            owner,
        )
        return [run_id for (run_id,) in rows]

    def owner_of_account(self, subject: str) -> str:
        """Return the id of the owner an account is; raises LookupError."""
        rows = self._rows("SELECT id::text FROM migration_owner WHERE kind = 'account' AND subject = %s", subject)
        if not rows:
            raise LookupError(subject)
        return str(rows[0][0])

    def records(self, owner: str) -> dict[str, str]:
        """Return an owner's records as localStorage would hold them; tombstones are left out."""
        rows = self._rows(
            "SELECT key_json, form, value::text FROM migration_record WHERE owner_id = %s AND value IS NOT NULL", owner
        )
        return {plain(key): text if form == VERBATIM else plain(text) for key, form, text in rows}

    def tombstones(self, owner: str) -> set[str]:
        """Return the keys an owner deleted."""
        rows = self._rows("SELECT key_json FROM migration_record WHERE owner_id = %s AND value IS NULL", owner)
        return {plain(key) for (key,) in rows}

    def conflicts(self, owner: str) -> list[int]:
        """Return the numbers of an owner's conflicts, oldest first."""
        rows = self._rows("SELECT id FROM migration_conflict WHERE owner_id = %s ORDER BY id", owner)
        return [number for (number,) in rows]

    def audited(self, owner: str, action: str) -> list[str]:
        """Return who did such a thing to an owner, as the audit log has it."""
        rows = self._rows(
            "SELECT actor FROM migration_auditline WHERE owner_id = %s AND action = %s ORDER BY id", owner, action
        )
        return [actor for (actor,) in rows]

    def chunks(self, run_id: str) -> list[int]:
        """Return how many entries each stored chunk of a run has."""
        return [entries for (entries,) in self._rows("SELECT entries FROM migration_chunk WHERE run_id = %s", run_id)]

    def tables_that_contain(self, needle: str) -> list[str]:
        """Return every table in one of whose rows the text occurs, binary columns included."""
        found = []
        with self._connection() as connection:
            names = connection.execute(
                "SELECT table_name FROM information_schema.tables"
                " WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
            ).fetchall()
            for (name,) in names:
                statement = sql.SQL(
                    "SELECT EXISTS (SELECT FROM {table} AS t WHERE strpos(t::text, %s) > 0 OR strpos(t::text, %s) > 0)"
                ).format(table=sql.Identifier(name))
                # A row as text shows binary columns in hexadecimal digits.
                hit = connection.execute(statement, [needle, needle.encode().hex()]).fetchone()
                if hit and hit[0]:
                    found.append(name)
        return found

    def _rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self._connection() as connection:
            return connection.execute(statement.encode(), values).fetchall()

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        with psycopg.connect(self._url, autocommit=True) as connection:
            yield connection


def plain(literal: str) -> str:
    """Return the string a JSON literal stands for, in Python's one way of writing it."""
    return normal(json.loads(literal))


def normal(text: str) -> str:
    """Return `text` with every pair of surrogates as one character: Python can write one string in two ways."""
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
