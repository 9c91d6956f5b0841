"""What browsers tell of both sides: comparisons, how old their outboxes are, and a few mismatches to look at.

Browsers append; only the sweeper writes rows an app shares.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from migration.models.tenancy import Owner


class ComparisonSample(models.Model):
    """What one device compared of one collection since it told last. Appended, folded and pruned by the sweeper."""

    app_id = models.UUIDField()
    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="+")
    device_id = models.UUIDField()
    collection = models.TextField(help_text="One with a stage of its own; empty: the rest.")
    stage = models.CharField(max_length=20, help_text="The one that held for the device.")
    compared = models.IntegerField()
    agreed = models.IntegerField()
    noise = models.IntegerField(help_text="Local compared with itself differed too.")
    errors = models.IntegerField(help_text="Asked and not answered; not among those compared.")
    ms = ArrayField(models.FloatField(), default=list, help_text="How long some of the server's answers took, ms.")
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["at"], name="comparison_by_age")]


class ComparisonMinute(models.Model):
    """The comparisons of one minute: sums, how many devices are behind them, and a histogram of latencies.

    `seen` and `amiss` are sets of 64 places, a device in one of them, so that sets of several minutes can be united:
    devices that compared, and those with a mismatch or an error. `latency` is {place: count}, of places that grow by
    2^¼ (values.latencies).
    """

    pk = models.CompositePrimaryKey("app_id", "collection", "stage", "minute")
    app_id = models.UUIDField()
    collection = models.TextField()
    stage = models.CharField(max_length=20)
    minute = models.DateTimeField()
    compared = models.BigIntegerField(default=0)
    agreed = models.BigIntegerField(default=0)
    noise = models.BigIntegerField(default=0)
    errors = models.BigIntegerField(default=0)
    seen = models.BigIntegerField(default=0)
    amiss = models.BigIntegerField(default=0)
    latency = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["minute"], name="comparison_minute_by_age")]


class Mismatch(models.Model):
    """One key whose two sides differed: the newest of each device and key, a few of each collection.

    Values are cut and hold no secret. What Postgres or a page cannot hold is written out.
    """

    class Reason(models.TextChoices):
        DIFFERS = "differs"
        ABSENT_LOCAL = "absent_local"
        ABSENT_SERVER = "absent_server"
        NOISE = "noise"

    app_id = models.UUIDField()
    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="+")
    device_id = models.UUIDField()
    collection = models.TextField()
    stage = models.CharField(max_length=20)
    key = models.TextField()
    key_hash = models.BinaryField(max_length=32, help_text="SHA-256 of the key as it came.")
    reason = models.CharField(max_length=20, choices=Reason.choices)
    local = models.TextField(null=True)
    server = models.TextField(null=True)
    at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "mismatches"
        constraints = [
            models.UniqueConstraint(fields=["owner", "device_id", "collection", "key_hash"], name="mismatch_once")
        ]
        indexes = [models.Index(fields=["app_id", "collection", "-at"], name="mismatch_newest")]

    def __str__(self) -> str:
        return f"mismatch {self.pk}"


class DeviceOutbox(models.Model):
    """What a device last said of its outbox: writes the server does not have yet."""

    device_id = models.UUIDField(primary_key=True)
    app_id = models.UUIDField()
    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="+")
    stage = models.CharField(max_length=20, help_text="The furthest that held for it.")
    count = models.BigIntegerField()
    bytes = models.BigIntegerField()
    oldest_seconds = models.FloatField(help_text="Age of the oldest write that waits, s.")
    errors = models.BigIntegerField(help_text="Attempts to send that failed since the last success.")
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["app_id", "at"], name="outbox_by_age")]
