"""Ways back: named points, and each use of one."""

import uuid

from django.db import models

from migration.models.app_rollbacks import AppPoint, AppRollback
from migration.models.runs import MigrationRun
from migration.models.tenancy import Owner


class RollbackPoint(models.Model):
    """A named (owner, revision), its owner's own or one of a whole app's. Never used up."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="rollback_points")
    run = models.ForeignKey(MigrationRun, null=True, on_delete=models.CASCADE, related_name="rollback_points")
    app_point = models.ForeignKey(AppPoint, null=True, on_delete=models.CASCADE, related_name="points")
    name = models.CharField(max_length=200)
    revision = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["app_point", "owner"], name="app_point_holds_owner_once")]

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
        COLLECTION = "collection"
        RECORD = "record"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="rollbacks")
    scope = models.CharField(max_length=10, choices=Scope.choices)
    run = models.ForeignKey(MigrationRun, null=True, on_delete=models.CASCADE, related_name="rollbacks")
    point = models.ForeignKey(RollbackPoint, null=True, on_delete=models.SET_NULL)
    undoes = models.ForeignKey("self", null=True, on_delete=models.SET_NULL)
    app_rollback = models.ForeignKey(AppRollback, null=True, on_delete=models.CASCADE, related_name="shares")
    collection = models.TextField(blank=True, default="", db_default="", help_text="Of scope collection: its name.")
    namespace = models.TextField(blank=True, default="", db_default="", help_text="Of scope record: where it is.")
    key_hash = models.BinaryField(max_length=32, null=True)
    key_json = models.TextField(blank=True, default="", db_default="")
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
    holder = models.BigIntegerField(null=True, help_text="Number of the worker that has taken this share of an app.")
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "idempotency_key"], name="rollback_once")]
        indexes = [
            models.Index(
                fields=["app_rollback", "state", "owner"],
                name="rollback_share",
                condition=models.Q(app_rollback__isnull=False),
            ),
            models.Index(
                fields=["created_at"],
                name="rollback_waiting",
                condition=models.Q(state="requested", app_rollback__isnull=True),
            ),
        ]
