"""The queue of work, which is at the same time the backup."""

from django.db import models

from migration.models.runs import MigrationRun
from migration.states.chunk import ChunkState


class Chunk(models.Model):
    """A checksummed, compressed part of an upload, stored sealed (AES-256-GCM) before it was acknowledged.

    Undistributed on purpose: claims lock across owners (DECISIONS.md). `next_ordinal` and `span` are the
    checkpoint of a chunk that has failed before: entries below `next_ordinal` are loaded, and `span` entries
    are tried per commit.
    """

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(MigrationRun, on_delete=models.CASCADE, related_name="chunks")
    key = models.UUIDField(help_text="Random id made by the device.")
    owner_id = models.UUIDField()
    app_id = models.UUIDField()
    seq = models.BigIntegerField(help_text="The device's sequence number shared by all entries of the chunk.")
    entries = models.IntegerField()
    payload_bytes = models.IntegerField(help_text="Length once inflated.")
    sha256 = models.BinaryField(max_length=32, help_text="Of the inflated payload.")
    encoding = models.CharField(max_length=10)
    sealed_payload = models.BinaryField(help_text="Nonce and ciphertext of the bytes as received.")
    wrapped_key = models.BinaryField(help_text="The chunk's own key, wrapped by the rotatable keys.")
    stored_at = models.DateTimeField(auto_now_add=True)
    size_reason = models.CharField(
        max_length=40, blank=True, default="", db_default="", help_text="Why the device cut it to this size, as a code."
    )

    state = models.CharField(max_length=10, choices=ChunkState.choices, default=ChunkState.STORED)
    lease_until = models.DateTimeField(null=True)
    holder = models.BigIntegerField(null=True, help_text="Worker number; its advisory lock tells whether it lives.")
    fence = models.BigIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Claims since the last progress.")
    next_ordinal = models.IntegerField(default=0)
    span = models.IntegerField(null=True)
    loaded_at = models.DateTimeField(null=True)
    batch_entries = models.IntegerField(null=True, help_text="Entries of the batch that loaded it.")
    batch_ms = models.IntegerField(null=True, help_text="How long that batch took, to the chunk's being checked off.")
    batch_reason = models.CharField(
        max_length=40, blank=True, default="", db_default="", help_text="Why that batch was as large as it was."
    )
    batch_strategy = models.CharField(
        max_length=10, blank=True, default="", db_default="", help_text="How that batch was written."
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "key"], name="chunk_once_per_run")]
        indexes = [
            models.Index(fields=["app_id", "id"], name="chunk_waiting", condition=models.Q(state="stored")),
            models.Index(fields=["lease_until"], name="chunk_claimed", condition=models.Q(state="claimed")),
            models.Index(fields=["loaded_at"], name="chunk_newly_loaded", condition=models.Q(loaded_at__isnull=False)),
        ]
