"""The chunk as a work item."""

from django.db import models

from migration.states.machine import Machine


class ChunkState(models.TextChoices):
    """Stored waits for a worker, claimed has one, loaded is done."""

    STORED = "stored"
    CLAIMED = "claimed"
    LOADED = "loaded"


CHUNK = Machine(
    "chunk",
    ChunkState.STORED,
    {
        ChunkState.STORED: {ChunkState.CLAIMED: "claim"},
        ChunkState.CLAIMED: {ChunkState.LOADED: "batch committed", ChunkState.STORED: "lease lost or span done"},
        ChunkState.LOADED: {},
    },
)
