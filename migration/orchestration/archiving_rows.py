"""What of an owner goes into an archive beside its records, read from the catalogue so that no column is forgotten."""

from dataclasses import dataclass

from migration import custody

TABLES = {
    "device": "migration_device",
    "run": "migration_migrationrun",
    "conflict": "migration_conflict",
    "quarantine": "migration_quarantineentry",
    "repetition": "migration_repetition",
}
"""Kind of line → table. What refers to others comes after them."""
NUMBERED = {"conflict", "quarantine"}
"""Their ids are the database's own: an archive leaves them out."""
OF_COLLECTIONS = {"conflict", "quarantine"}
"""Kinds that name a collection; runs and devices are whole, whatever was asked for."""


@dataclass(frozen=True, slots=True)
class Beside:
    """A table beside the records: its columns as (name, type), those left out that are not handed on."""

    kind: str
    table: str
    columns: tuple[tuple[str, str], ...]

    @property
    def types(self) -> dict[str, str]:
        """Types by column."""
        return dict(self.columns)


def beside_tables() -> list[Beside]:
    """Return the tables in the order of TABLES."""
    found = {one.name: one.columns for one in custody.owned_tables()}
    return [
        Beside(kind, table, tuple(one for one in found[table] if not (one[0] == "id" and kind in NUMBERED)))
        for kind, table in TABLES.items()
    ]
