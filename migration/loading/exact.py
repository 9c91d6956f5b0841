"""Versions of records written as they were: own revision, own writer, own time. For owners that hold nothing yet.

The ladder: all by binary COPY; what that refuses, by halves; a single version that is refused is told, not written.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple, TypeVar
from uuid import UUID

from django.db import DataError, IntegrityError, NotSupportedError, ProgrammingError, connection, transaction

from migration.loading.staging import BLOCK, HEADER, NULL, TRAILER
from migration.values.rows import Row

_COLUMNS = """owner_id, namespace, revision, seq, device_id, run_id, cause, written_at, collection, key_hash, form,
    queryable, fingerprint, key_json, value"""
_RECORDS = f"COPY migration_record ({_COLUMNS}) FROM STDIN (FORMAT BINARY)"
_VERSIONS = f"COPY migration_record_version ({_COLUMNS}, superseded_by) FROM STDIN (FORMAT BINARY)"
# Where row-level security applies to the role, Postgres takes no COPY; and what is there already stays.
_STAGE = "CREATE TEMPORARY TABLE IF NOT EXISTS {stage} (LIKE {table}) ON COMMIT DELETE ROWS"
_TAKE = "INSERT INTO {table} ({columns}) SELECT {columns} FROM {stage} ON CONFLICT DO NOTHING"

_LENGTH = struct.Struct("!i").pack
_NUMBERS = struct.Struct("!iq iq".replace(" ", "")).pack
_OWN = struct.Struct("!i32s ih i? i32s i".replace(" ", "")).pack
_LONG = struct.Struct("!iq").pack
One = TypeVar("One")
_SINCE_2000 = 946_684_800_000_000


class Exact(NamedTuple):
    """One version: its row and who wrote it when; `until` is the revision that superseded it, None: it stands.

    `written_at` counts microseconds since 1970.
    """

    owner_id: UUID
    namespace: str
    revision: int
    until: int | None
    seq: int
    device_id: UUID | None
    run_id: UUID | None
    cause: str
    written_at: int
    row: Row


def copy_exact(versions: Sequence[Exact]) -> list[Exact]:
    """Write versions in the caller's transaction; return those that Postgres refused.

    Versions that are there already (same key, or same key and revision) stay as they are and are not returned.
    """
    refused = _write([one for one in versions if one.until is None], "migration_record", _RECORDS)
    history = [one for one in versions if one.until is not None]
    return refused + _write(history, "migration_record_version", _VERSIONS)


def by_halves(rows: Sequence[One], write: Callable[[Sequence[One]], None]) -> list[One]:
    """Write rows with `write`; what Postgres does not take is narrowed down by halves and returned."""
    if not rows or _succeeds(partial(write, rows)):
        return []
    if len(rows) == 1:
        return list(rows)
    half = len(rows) // 2
    return by_halves(rows[:half], write) + by_halves(rows[half:], write)


def _write(versions: list[Exact], table: str, statement: str) -> list[Exact]:
    if not versions or _succeeds(partial(_copy, versions, statement)):
        return []
    return by_halves(versions, partial(_take, table=table))


def _succeeds(write: Callable[[], None]) -> bool:
    """Try; False where Postgres does not take the rows. Whatever else is wrong (no connection, no room) is raised."""
    try:
        with transaction.atomic():
            write()
    except (IntegrityError, DataError, ProgrammingError, NotSupportedError):
        return False
    return True


def _take(versions: Sequence[Exact], *, table: str) -> None:
    columns = _COLUMNS if versions[0].until is None else f"{_COLUMNS}, superseded_by"
    stage = f"{table}_arriving"
    with connection.cursor() as cursor:
        cursor.execute(_STAGE.format(stage=stage, table=table))
        cursor.execute(f"TRUNCATE {stage}")
    _copy(versions, f"COPY {stage} ({columns}) FROM STDIN (FORMAT BINARY)")
    with connection.cursor() as cursor:
        cursor.execute(_TAKE.format(table=table, stage=stage, columns=columns))


def _copy(versions: Sequence[Exact], statement: str) -> None:
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
        for block in _blocks(versions):
            copy.write(block)


def _blocks(versions: Sequence[Exact]) -> Iterator[bytes]:
    fields = struct.pack("!hi", 15 if versions[0].until is None else 16, 16)
    texts: dict[str, bytes] = {}
    pieces, size = [HEADER], 0
    for one in versions:
        row = one.row
        for text in (one.namespace, one.cause, row.collection):
            if text not in texts:
                texts[text] = _text(text)
        pieces += (
            fields + one.owner_id.bytes + texts[one.namespace] + _NUMBERS(8, one.revision, 8, one.seq),
            _uuid(one.device_id) + _uuid(one.run_id) + texts[one.cause] + _LONG(8, one.written_at - _SINCE_2000),
            texts[row.collection],
            _OWN(32, row.key_hash, 2, row.form, 1, row.queryable, 32, row.fingerprint, len(row.key_json)),
            row.key_json,
            NULL if row.value is None else _LENGTH(len(row.value)) + row.value,
        )
        if one.until is not None:
            pieces.append(_LONG(8, one.until))
        size += len(row.key_json) + len(row.value or b"")
        if size > BLOCK:
            yield b"".join(pieces)
            pieces.clear()
            size = 0
    pieces.append(TRAILER)
    yield b"".join(pieces)


def _uuid(value: UUID | None) -> bytes:
    return NULL if value is None else b"\x00\x00\x00\x10" + value.bytes


def _text(text: str) -> bytes:
    encoded = text.encode()
    return _LENGTH(len(encoded)) + encoded
