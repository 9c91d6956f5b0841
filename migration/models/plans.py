"""How a cutover goes on by itself: plans, when an app was last looked at, what gates said, proofs of the way back."""

import uuid

from django.db import models

from migration.models.tenancy import App
from migration.states.stage import Stage


class CutoverPlan(models.Model):
    """The plan of one collection (empty: the rest), and what was last decided about it.

    A decision that waits is written over; what changes a stage is a StageChange besides.
    """

    class Decision(models.TextChoices):
        NONE = ""
        ADVANCE = "advance"
        STEP_BACK = "step_back"
        AWAIT_RELEASE = "await_release"
        WAIT = "wait"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="plans")
    collection = models.TextField(blank=True, default="")
    terms = models.JSONField(help_text="{steps: [{percentage: basis points, seconds}], hold_seconds}")
    paused = models.BooleanField(default=False)
    released = models.CharField(max_length=20, blank=True, choices=Stage.choices, help_text="As far as it may go.")
    attended_at = models.DateTimeField(help_text="When a person last made or resumed it; steps back since are counted.")
    decision = models.CharField(max_length=20, blank=True, default="", choices=Decision.choices)
    reason = models.TextField(blank=True, default="")
    until = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["app", "collection"], name="plan_once_per_collection")]

    def __str__(self) -> str:
        return f"plan of {self.collection or 'every other collection'}"


class CutoverLook(models.Model):
    """When the sweeper last looked at an app's gates: whoever raises it looks, so one does."""

    app = models.OneToOneField(App, on_delete=models.CASCADE, primary_key=True, related_name="+")
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["at"], name="look_oldest")]


class GateReading(models.Model):
    """What one gate of one collection said when it was looked at; plots are made of it."""

    app_id = models.UUIDField()
    collection = models.TextField()
    name = models.CharField(max_length=20)
    at = models.DateTimeField()
    stage = models.CharField(max_length=20)
    figure = models.FloatField(null=True)
    limit = models.FloatField()
    passed = models.BooleanField()

    class Meta:
        indexes = [
            models.Index(fields=["app_id", "collection", "name", "-at"], name="reading_newest"),
            models.Index(fields=["at"], name="reading_by_age"),
        ]


class RollbackProof(models.Model):
    """What a rehearsal of a rollback came to."""

    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="+")
    passed = models.BooleanField()
    detail = models.TextField()
    milliseconds = models.FloatField()
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["app", "-at"], name="proof_newest")]
