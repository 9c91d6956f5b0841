"""Which stage is requested of each collection of an app, and every change of it."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models

from migration.models.tenancy import App
from migration.states.stage import Stage

REST = ""
"""Name of the row that holds for every collection without a row of its own."""


LONGEST_POINTER = 512
"""Characters of a JSON pointer to what may differ."""


class CollectionStage(models.Model):
    """The stage requested of one collection. It changes with the app's epoch, in one transaction.

    An app without the row of `REST` stands where every app begins: at `dual_write`.
    """

    class Comparator(models.TextChoices):
        EXACT = "exact"
        JSON = "json"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="stages")
    collection = models.TextField(blank=True, default=REST, help_text="Empty: every collection without a row.")
    stage = models.CharField(max_length=20, choices=Stage.choices, default=Stage.DUAL_WRITE)
    percentage = models.PositiveIntegerField(default=0, help_text="Share of the owners a ramp serves, in basis points.")
    compare_rate = models.FloatField(default=0.1, help_text="Share of the reads that are compared, 0 to 1.")
    compare_ignore = ArrayField(
        models.CharField(max_length=LONGEST_POINTER),
        default=list,
        blank=True,
        help_text="JSON pointers that may differ.",
    )
    comparator = models.CharField(max_length=10, choices=Comparator.choices, default=Comparator.EXACT)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["app", "collection"], name="stage_once_per_collection"),
            models.CheckConstraint(condition=models.Q(percentage__lte=10_000), name="stage_percentage_most"),
            models.CheckConstraint(
                condition=models.Q(compare_rate__gte=0, compare_rate__lte=1), name="stage_compare_rate_range"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.collection or 'every other collection'}: {self.stage}"


class StageChange(models.Model):
    """One change of what is requested. Append-only but for when it came to hold everywhere.

    `older` are the transactions that were under way when it was committed: until the last of them has ended, something
    may still be written as if it had not been made.
    """

    class Action(models.TextChoices):
        ADVANCE = "advance"
        STEP_BACK = "step_back"
        SET_PERCENTAGE = "set_percentage"
        COMPLETE = "complete"
        COMPARE = "compare"
        REJOIN = "rejoin"
        PANIC = "panic"
        RELEASE_PANIC = "release_panic"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="stage_changes")
    collection = models.TextField(blank=True, default=REST)
    action = models.CharField(max_length=20, choices=Action.choices)
    from_stage = models.CharField(max_length=20, blank=True)
    to_stage = models.CharField(max_length=20, blank=True)
    from_percentage = models.PositiveIntegerField(default=0)
    to_percentage = models.PositiveIntegerField(default=0)
    actor = models.CharField(max_length=200)
    cause = models.CharField(max_length=64, help_text="operator, plan, breach: who or what brought it about.")
    reason = models.TextField(blank=True, help_text="Why, in words.")
    figures = models.JSONField(default=dict, help_text="What it was decided on.")
    epoch = models.BigIntegerField(help_text="The app's epoch since.")
    at = models.DateTimeField()
    older = models.JSONField(null=True, help_text="Transactions under way when it was committed; null: not looked yet.")
    effective_at = models.DateTimeField(null=True, help_text="When the last of those was seen to have ended.")

    class Meta:
        verbose_name = "change of a stage"
        verbose_name_plural = "changes of stages"
        ordering = ["-at", "-epoch"]
        indexes = [
            models.Index(fields=["app", "-epoch"], name="stage_change_newest"),
            models.Index(fields=["id"], name="stage_change_unsettled", condition=models.Q(effective_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.collection or 'every other collection'}".strip()
