"""One device's move to the server, and what happened on the way."""

from django.db import models

from migration.models.tenancy import App, Device, Owner
from migration.states.run import RunState
from migration.states.upload import UploadState


class MigrationRun(models.Model):
    """A run. Its id is made by the device, so creating it twice is creating it once.

    Counters are raised in the transaction that did the counted work. `pause_wished` and `cancel_wished`
    are wishes, not states: work answers them between batches.
    """

    class Purpose(models.TextChoices):
        MIGRATE = "migrate"
        BACKUP = "backup"

    id = models.UUIDField(primary_key=True, editable=False)
    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="runs")
    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="runs")
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="runs")
    purpose = models.CharField(max_length=10, choices=Purpose.choices, default=Purpose.MIGRATE)
    dry_run = models.BooleanField(default=False)
    options = models.JSONField(default=dict)
    conflict_policy = models.CharField(max_length=20, default="AUTO_MERGE")
    request_digest = models.BinaryField(
        max_length=32, help_text="SHA-256 of the creating body: tells a repeat from a clash."
    )

    state = models.CharField(max_length=16, choices=RunState.choices, default=RunState.PLANNED)
    upload_state = models.CharField(max_length=10, choices=UploadState.choices, default=UploadState.OPEN)
    pause_wished = models.BooleanField(default=False)
    cancel_wished = models.BooleanField(default=False)
    epoch = models.CharField(max_length=40, help_text="app.owner epoch under which the run writes.")
    failure_code = models.CharField(max_length=64, blank=True)

    manifest = models.JSONField()
    manifest_version = models.PositiveIntegerField(default=1)
    manifest_digest = models.BinaryField(max_length=32)
    mismatch = models.JSONField(null=True, help_text="{collection: [bucket]} found by the last verification.")
    verify_rounds = models.PositiveSmallIntegerField(default=0)
    verify_attempts = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="Verifications begun since the run last came to be verified."
    )
    receipt = models.TextField(blank=True, help_text="Compact JWS over the statement.")
    statement = models.JSONField(null=True)

    entries_total = models.BigIntegerField(default=0)
    bytes_total = models.BigIntegerField(default=0)
    entries_received = models.BigIntegerField(default=0)
    bytes_received = models.BigIntegerField(default=0)
    chunks_received = models.IntegerField(default=0)
    chunks_loaded = models.IntegerField(default=0)
    entries_processed = models.BigIntegerField(default=0)
    bytes_processed = models.BigIntegerField(default=0)
    entries_stored = models.BigIntegerField(default=0)
    entries_unchanged = models.BigIntegerField(default=0)
    entries_superseded = models.BigIntegerField(default=0)
    entries_conflict = models.BigIntegerField(default=0)
    entries_quarantined = models.BigIntegerField(default=0)
    entries_deleted = models.BigIntegerField(default=0)
    types = models.JSONField(default=dict, help_text="{collection: {type: count}} as AutoDetector saw it.")
    errors = models.JSONField(default=list, help_text="Newest errors, bounded: [{code, detail, at}].")
    number = models.BigIntegerField(
        default=0, help_text="Number of the last event; a trigger raises it with every change a snapshot shows."
    )
    percentage = models.FloatField(default=0, db_default=0, help_text="Kept by a trigger; never falls.")
    pace_at = models.DateTimeField(null=True, help_text="Start of the window entries per second are taken over.")
    pace_entries = models.BigIntegerField(default=0, db_default=0, help_text="Entries processed at `pace_at`.")
    pace_mark_at = models.DateTimeField(null=True, help_text="Start of the next window.")
    pace_mark_entries = models.BigIntegerField(default=0, db_default=0)

    start_revision = models.BigIntegerField(default=0, help_text="The owner's revision before the run wrote anything.")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    sealed_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "run"
        indexes = [
            models.Index(fields=["owner", "-created_at"], name="run_by_owner"),
            models.Index(
                fields=["state"],
                name="run_at_work",
                condition=models.Q(state__in=["planned", "transferring", "verifying", "rolling_back"]),
            ),
            models.Index(fields=["-created_at"], name="run_newest"),
            models.Index(
                fields=["device"],
                name="run_with_receipt",
                condition=models.Q(state="completed", purpose="migrate", dry_run=False),
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.id}"


class RunEvent(models.Model):
    """One line of a run's timeline: a change of state, a decision with its reason, an error."""

    run = models.ForeignKey(MigrationRun, on_delete=models.CASCADE, related_name="timeline")
    owner_id = models.UUIDField()
    number = models.BigIntegerField()
    kind = models.CharField(max_length=32)
    data = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        ordering = ["run", "number", "id"]
        indexes = [
            models.Index(fields=["run", "number"], name="run_event_order"),
            models.Index(fields=["at"], name="run_event_newest_error", condition=models.Q(kind="error")),
        ]
