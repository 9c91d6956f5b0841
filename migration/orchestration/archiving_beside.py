"""Rows beside an archive's records, written: devices, runs, conflicts, quarantine, repetitions."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import connection

from migration.errors import ArchiveInvalid, LineForm
from migration.lifecycle import settled_state
from migration.loading import by_halves
from migration.mapping import all_in, map_rows
from migration.orchestration.archiving_batches import Piece
from migration.orchestration.archiving_owners import Target
from migration.orchestration.archiving_rows import Beside, beside_tables
from migration.values.lines import Lines, decode_line

if TYPE_CHECKING:
    from migration.orchestration.archiving_write import Terms

_NUMBERED_ALIKE = {"conflict", "quarantine", "repetition"}
"""Kinds that speak of revisions or chunks: they fit where these are counted alike, or where nothing was held."""
_RUN_IS_THEIRS = """(t.run_id IS NULL OR EXISTS
    (SELECT FROM migration_migrationrun r WHERE r.id = t.run_id AND r.owner_id = t.owner_id))"""
_CONDITIONS = {
    "run": "EXISTS (SELECT FROM migration_device d WHERE d.id = t.device_id AND d.owner_id = t.owner_id)",
    "conflict": _RUN_IS_THEIRS,
    "quarantine": f"t.run_id IS NOT NULL AND {_RUN_IS_THEIRS}",
}
"""An archive's word on whose a device or run is counts only as far as they are that owner's here."""

Row = dict[str, Any]


@dataclass(slots=True)
class BesideWriter:
    """Writes rows of all kinds; what is there already stays."""

    tables: list[Beside] = field(default_factory=list)

    def write(self, pieces: list[tuple[Piece, Target]], terms: "Terms", counts: dict[str, Counter[str]]) -> None:
        """Write what stands beside the records of `pieces` and count it under its kind."""
        self.tables = self.tables or beside_tables()
        tally = counts.setdefault("", Counter())
        for table in self.tables:
            rows = []
            for piece, target in pieces:
                given = piece.slice.beside.get(table.kind, ())
                if table.kind in _NUMBERED_ALIKE and not _fits(target, terms):
                    tally[f"{table.kind}_left_out"] += len(given)
                    continue
                rows += [_row_here(table.kind, row, target, terms) for row in given]
            tally[table.kind] += len(rows)
            tally["refused"] += len(by_halves(rows, partial(_insert, table)))
        counts[""] = +tally


def _fits(target: Target, terms: "Terms") -> bool:
    return target.is_exact or (terms.is_ours and not target.is_renamed)


def _insert(table: Beside, rows: Sequence[Row]) -> None:
    known = {name: kind for name, kind in table.types.items() if any(name in row for row in rows)}
    names = ", ".join(f'"{name}"' for name in known)
    # A losing value is text until here: as json inside json it would be parsed, and not be the same bytes again.
    taken = ", ".join(f't."{name}"::json' if name == "loser_value" else f't."{name}"' for name in known)
    types = ", ".join(f'"{name}" {"text" if name == "loser_value" else kind}' for name, kind in known.items())
    statement = f"""INSERT INTO {table.table} ({names})
        SELECT {taken} FROM json_to_recordset(%s::json) AS t({types})
        WHERE {_CONDITIONS.get(table.kind, "true")} ON CONFLICT DO NOTHING"""
    with connection.cursor() as cursor:
        cursor.execute(statement, [json.dumps(list(rows))])


def _row_here(kind: str, given: Row, target: Target, terms: "Terms") -> Row:
    """Return a row as it is here: whose it is is said by its place in the archive, never by itself."""
    row = {**given, "owner_id": str(target.owner_id)}
    if "app_id" in row:
        row["app_id"] = str(terms.app_id)
    try:
        for name in ("device_id", "run_id", "loser_device_id", *(["id"] if kind in ("device", "run") else [])):
            if row.get(name):
                row[name] = str(target.id_here(UUID(row[name])))
    except (ValueError, TypeError, AttributeError) as error:
        raise ArchiveInvalid(f"A {kind} of the archive has an id that is none.") from error
    if kind == "run":
        row["state"] = settled_state(str(row.get("state")))
    if kind == "conflict":
        _give_value(row)
    if kind == "quarantine" and not (terms.is_ours and not target.is_renamed):
        row["chunk_id"] = _number_of_another(f"{terms.timeline}:{target.owner_id}", row.get("chunk_id"))
    return row


def _give_value(row: Row) -> None:
    try:
        lines = Lines.of([decode_line(str(row.pop("loser_line", "")).encode())])
    except (LineForm, UnicodeEncodeError) as error:
        raise ArchiveInvalid("A conflict of the archive has a line that is not canonical.") from error
    one = map_rows(lines, label_all=all_in(""))[0]
    row["loser_value"] = None if one.value is None else one.value.decode()
    row["loser_form"], row["loser_fingerprint"] = one.form, f"\\x{one.fingerprint.hex()}"


def _number_of_another(origin: str, chunk_id: object) -> int:
    """Return a number for a chunk of another database: below zero, where no chunk of this one will ever be."""
    return -(int.from_bytes(sha256(f"{origin}:{chunk_id}".encode()).digest()[:7], "big") + 1)
