"""Ways back: named points, and each use of one."""

import uuid

from django.db import models

from migration.models.runs import MigrationRun
from migration.models.tenancy import Owner


class RollbackPoint(models.Model):
    """A named (owner, revision). Never used up."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="rollback_points")
    run = models.ForeignKey(MigrationRun, null=True, on_delete=models.CASCADE, related_name="rollback_points")
    name = models.CharField(max_length=200)
    revision = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Rollback(models.Model):
    """One rollback, requested once under its idempotency key; an undo is a rollback to the revision before it."""

    class State(models.TextChoices):
        REQUESTED = "requested"
        DONE = "done"
        FAILED = "failed"

    class Scope(models.TextChoices):
        RUN = "run"
        OWNER = "owner"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="rollbacks")
    scope = models.CharField(max_length=10, choices=Scope.choices)
    run = models.ForeignKey(MigrationRun, null=True, on_delete=models.CASCADE, related_name="rollbacks")
    point = models.ForeignKey(RollbackPoint, null=True, on_delete=models.SET_NULL)
    undoes = models.ForeignKey("self", null=True, on_delete=models.SET_NULL)
    idempotency_key = models.UUIDField()
    to_revision = models.BigIntegerField()
    from_revision = models.BigIntegerField(null=True, help_text="The owner's revision just before; undo goes there.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.REQUESTED)
    failure = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    reverted = models.BigIntegerField(default=0)
    deleted = models.BigIntegerField(default=0)
    kept = models.BigIntegerField(default=0)
    journaled = models.BigIntegerField(default=0)
    actor = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "idempotency_key"], name="rollback_once")]
