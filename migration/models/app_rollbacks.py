"""Ways back for all owners of an app at once."""

import uuid

from django.db import models

from migration.models.tenancy import App
from migration.states.app_rollback import AppRollbackState


class AppPoint(models.Model):
    """A rollback point of a whole app: a name for one row per owner. Never used up."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="points")
    name = models.CharField(max_length=200)
    owners = models.BigIntegerField(default=0, help_text="Owners there were; any other is at revision 0 here.")
    actor = models.CharField(max_length=200)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = "app-wide point"

    def __str__(self) -> str:
        return self.name


class AppRollback(models.Model):
    """All owners of an app taken back, each by a rollback of its own under this row's id as idempotency key."""

    State = AppRollbackState

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="rollbacks")
    point = models.ForeignKey(AppPoint, null=True, on_delete=models.SET_NULL)
    undoes = models.ForeignKey("self", null=True, on_delete=models.SET_NULL)
    idempotency_key = models.UUIDField()
    state = models.CharField(max_length=10, choices=AppRollbackState.choices, default=AppRollbackState.AT_WORK)
    owners = models.BigIntegerField(help_text="Owners there were when it was asked for.")
    absent = models.BigIntegerField(default=0, help_text="Of these, owners the point does not hold.")
    listed_to = models.UUIDField(null=True, help_text="Owners up to this id have got their rollback.")
    all_listed = models.BooleanField(default=False)
    actor = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "app-wide rollback"
        constraints = [models.UniqueConstraint(fields=["app", "idempotency_key"], name="app_rollback_once")]
        indexes = [
            models.Index(fields=["id"], name="app_rollback_at_work", condition=models.Q(state="at_work")),
        ]

    def __str__(self) -> str:
        return f"app-wide rollback {self.id}"
