"""Rotating the keys that wrap keys: chunks' and apps' secrets, a page per commit, whatever else is going on."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db import connection

from migration.config import encryption_keys
from migration.errors import BackupUnreadable
from migration.values.envelopes import Envelope, rewrap, wrapped_under

_PAGE = 500
# Only what is still as it was read: a backup that expired meanwhile must not get its key again.
_PUT = """
WITH mine AS MATERIALIZED (
    SELECT t.id, new.fresh FROM {table} t
    JOIN unnest(%s::text[], %s::bytea[], %s::bytea[]) AS new(id, known, fresh) ON t.id = new.id::{id_type}
    WHERE t.{column} = new.known FOR NO KEY UPDATE OF t {waiting}
)
UPDATE {table} t SET {column} = mine.fresh FROM mine WHERE t.id = mine.id RETURNING t.id::text
"""

_Change = tuple[str, bytes, bytes]
"""Which row, the key it was read with, and that key wrapped anew."""


@dataclass(frozen=True, slots=True)
class _Wrapped:
    """A column that holds wrapped keys."""

    table: str
    column: str
    id_type: str
    first: str


_CHUNKS = _Wrapped("migration_chunk", "wrapped_key", "bigint", "0")
_SECRETS = _Wrapped("migration_appsecret", "wrapped", "uuid", "00000000-0000-0000-0000-000000000000")


@dataclass(frozen=True, slots=True)
class Rotation:
    """How many keys were wrapped anew."""

    chunks: int
    secrets: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Under which keys things are wrapped: the newest, an older one that is configured, or none."""

    newest: int
    older: int
    unreadable: int


def rotate_keys() -> Rotation:
    """Wrap everything under the newest key; what is there already is passed over, what none unwraps is left as it is.

    Each page commits by itself: stopped anywhere, the next time goes on with what is left.
    """
    keys = encryption_keys()

    def fresh(known: bytes) -> bytes | None:
        if wrapped_under(known, keys=keys) == 0:
            return None
        try:
            return rewrap(Envelope(b"", known), keys=keys).wrapped_key
        except BackupUnreadable:
            return None

    return Rotation(chunks=_rewrap(_CHUNKS, fresh), secrets=_rewrap(_SECRETS, fresh))


def check_keys() -> Standing:
    """Say under which keys everything is wrapped now. Reads every wrapped key once and changes nothing."""
    keys, found = encryption_keys(), Counter[str]()
    for kind in (_CHUNKS, _SECRETS):
        for page in _pages(kind):
            for _, known in page:
                place = wrapped_under(known, keys=keys)
                found["unreadable" if place is None else "older" if place else "newest"] += 1
    return Standing(found["newest"], found["older"], found["unreadable"])


def _rewrap(kind: _Wrapped, fresh: Callable[[bytes], bytes | None]) -> int:
    done = 0
    for page in _pages(kind):
        changes = [(one, known, new) for one, known in page if (new := fresh(known)) is not None]
        put = _put(kind, changes, waiting="SKIP LOCKED") if changes else set()
        # A batch that holds some of them may want others of the page: only who wants one alone may wait for it.
        put |= {one for change in changes if change[0] not in put for one in _put(kind, [change], waiting="")}
        done += len(put)
    return done


def _put(kind: _Wrapped, changes: list[_Change], *, waiting: str) -> set[str]:
    """Write the keys and return the ids of the rows that have them now; a transaction of its own."""
    statement = _PUT.format(table=kind.table, column=kind.column, id_type=kind.id_type, waiting=waiting)
    with connection.cursor() as cursor:
        cursor.execute(statement, [list(column) for column in zip(*changes, strict=True)])
        return {one for (one,) in cursor.fetchall()}


def _pages(kind: _Wrapped) -> Iterator[list[tuple[str, bytes]]]:
    """Yield (id, wrapped key) in order of ids, a page at a time; expired backups have no key."""
    after = kind.first
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT id::text, {kind.column} FROM {kind.table}
                    WHERE id > %s::{kind.id_type} AND {kind.column} <> ''::bytea ORDER BY id LIMIT {_PAGE}""",
                [after],
            )
            page = [(one, bytes(known)) for one, known in cursor.fetchall()]
        if not page:
            return
        yield page
        after = page[-1][0]
