"""What a batch is made of, and what came of it. Plain values."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from migration.lifecycle import ClaimedChunk
from migration.values.rows import Row

POISON = "poison"
"""Code of an entry that was set aside because workers died or failed on it."""
NOT_TAKEN_CODE = "not_taken"
"""Code of an entry Postgres refused by itself."""


@dataclass(frozen=True, slots=True)
class RunTerms:
    """Under which terms a run's entries arrive."""

    run_id: UUID
    device_id: UUID
    namespace: str
    epoch: str
    """The app's epoch when the terms were read, and the owner's when the run began: both must hold to the end."""
    policy: str
    collection_policies: dict[str, str]
    writes: bool
    """False for a dry run or a mere backup: everything is done but the writing of records."""
    ties: dict[str, bool] = field(default_factory=dict)
    """Whether the server wins ties of AUTO_MERGE, by collection; under `""` of all others. Empty: it wins none."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An entry for quarantine, with the row it would have been and its canonical line."""

    row: Row
    line: bytes
    code: str
    detail: str
    path: str = ""


@dataclass(slots=True)
class Part:
    """One claimed chunk's share of a batch: entries `first` (inclusive) to `last` (exclusive) by ordinal."""

    claim: ClaimedChunk
    terms: RunTerms
    rows: list[Row]
    refused: list[Refused]
    first: int
    last: int
    line_bytes: int
    """Length of the canonical lines of the share, newlines not counted."""
    types: dict[str, Counter[str]] = field(default_factory=dict)
    """Types of values by collection, as far as they were sampled."""
    samples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Entries sampled for schemas, by collection, as `SchemaSample.entries` keeps them."""

    @classmethod
    def unclaimed(cls, terms: RunTerms, *, owner_id: UUID, app_id: UUID, place: int, seq: int) -> "Part":
        """Return an empty part for rows no worker claimed a chunk for: replayed, restored, rehearsed.

        `place` tells the parts of a batch apart as chunks' ids do; `seq` is the sequence number the rows are written
        under.
        """
        claim = ClaimedChunk(
            id=place,
            key=terms.run_id,
            run_id=terms.run_id,
            owner_id=owner_id,
            app_id=app_id,
            seq=seq,
            entries=0,
            payload_bytes=0,
            sha256=b"",
            encoding="",
            sealed_payload=b"",
            wrapped_key=b"",
            fence=0,
            attempts=0,
            next_ordinal=0,
            span=None,
        )
        return cls(claim, terms, rows=[], refused=[], first=0, last=0, line_bytes=0)

    @property
    def is_whole(self) -> bool:
        """Tell whether the chunk is done once this part is loaded."""
        return self.last >= self.claim.entries


@dataclass(slots=True)
class LoadReport:
    """What one batch did: outcomes by run, chunks that were put back because they had moved or were locked."""

    outcomes: dict[UUID, Counter[str]] = field(default_factory=dict)
    put_back: list[ClaimedChunk] = field(default_factory=list)
    finished_runs: list[UUID] = field(default_factory=list)
    strategy: str = ""
    reason: str = ""
