"""Erasing an owner: how far it has come, and what keeps erased data from coming back."""

import uuid

from django.db import models

from migration.models.tenancy import App


class Erasure(models.Model):
    """One owner's erasure. It outlives the owner, under ids that nothing can tie to anybody then."""

    class State(models.TextChoices):
        REQUESTED = "requested"
        DONE = "done"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    app_id = models.UUIDField(db_index=True)
    owner_id = models.UUIDField(unique=True)
    mark = models.BinaryField(
        max_length=32, null=True, help_text="The owner's tombstone, from which its devices' are made; NULL once done."
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.REQUESTED)
    deleted = models.JSONField(default=dict, help_text="{table: rows} deleted so far.")
    actor = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"erasure {self.id}"


class Tombstone(models.Model):
    """Says that whoever has this mark was erased, and says nothing to those who do not know the server's key.

    `mark` is an HMAC of an owner's (app, kind, subject), or of that and a device's key.
    """

    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="tombstones")
    mark = models.BinaryField(max_length=32, unique=True)
    epoch = models.BigIntegerField(default=0, help_text="The owner's last epoch; whoever starts anew begins above it.")
    erased_at = models.DateTimeField()
