"""What arrives: a chunk's envelope, opened within bounds, and the row that makes it a backup and a work item."""

from migration.uploads.envelope import GZIP, IDENTITY, Envelope, Limits, limits_for, open_envelope
from migration.uploads.standing import Standing, standing_of
from migration.uploads.store import ChunkHead, Outcome, find_chunk, store_chunk

__all__ = [
    "GZIP",
    "IDENTITY",
    "ChunkHead",
    "Envelope",
    "Limits",
    "Outcome",
    "Standing",
    "find_chunk",
    "limits_for",
    "open_envelope",
    "standing_of",
    "store_chunk",
]
