"""Long work on archives, and how far it has come."""

import uuid

from django.db import models

from migration.models.tenancy import App
from migration.states.archive_job import ArchiveJobState


class ArchiveJob(models.Model):
    """One export, restore, import or verification. Its checkpoint commits with the batch it tells of.

    `pause_wished` and `cancel_wished` are wishes: work answers them between batches.
    """

    State = ArchiveJobState

    class Kind(models.TextChoices):
        EXPORT = "export"
        RESTORE = "restore"
        IMPORT = "import"
        VERIFY = "verify"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="archive_jobs")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    mode = models.CharField(max_length=10, blank=True, help_text="Of a restore: merge or replace.")
    source = models.TextField(help_text="Where the archive lies, as the command was told.")
    digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the manifest or file: its identity.")
    state = models.CharField(max_length=10, choices=ArchiveJobState.choices, default=ArchiveJobState.RUNNING)
    pause_wished = models.BooleanField(default=False)
    cancel_wished = models.BooleanField(default=False)
    collections = models.JSONField(null=True, help_text="Of which collections; null: all. Part of its identity.")
    checkpoint = models.JSONField(default=dict, help_text="How far each piece has come.")
    counts = models.JSONField(default=dict, help_text="Outcomes by collection.")
    status = models.JSONField(default=dict, help_text="What it said of itself last.")
    total = models.BigIntegerField(default=0, help_text="Lines there are.")
    done = models.BigIntegerField(default=0, help_text="Lines that are through.")
    failure = models.CharField(max_length=64, blank=True)
    point_id = models.UUIDField(null=True, help_text="App-wide rollback point made just before.")
    actor = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "work on an archive"
        verbose_name_plural = "work on archives"
        indexes = [models.Index(fields=["app", "-created_at"], name="archive_job_newest")]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"
