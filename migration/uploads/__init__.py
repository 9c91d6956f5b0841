"""What arrives: a chunk's envelope, opened within bounds, and the row that makes it a backup and a work item."""

from migration.uploads.envelope import GZIP, IDENTITY, Envelope, Limits, limits_for, open_envelope
from migration.uploads.standing import Standing, standing
from migration.uploads.store import ChunkHead, Outcome, finding, is_stored, outcome_of, storing

__all__ = [
    "GZIP",
    "IDENTITY",
    "ChunkHead",
    "Envelope",
    "Limits",
    "Outcome",
    "Standing",
    "finding",
    "is_stored",
    "limits_for",
    "open_envelope",
    "outcome_of",
    "standing",
    "storing",
]
