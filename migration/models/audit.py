"""Who did what, written in the transaction that did it."""

from django.db import models


class AuditLine(models.Model):
    """One act. Append-only: a trigger refuses UPDATE and DELETE."""

    app_id = models.UUIDField(null=True, db_index=True)
    owner_id = models.UUIDField(null=True)
    actor = models.CharField(max_length=200)
    action = models.CharField(max_length=64)
    target = models.CharField(max_length=100)
    data = models.JSONField(default=dict)
    at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name_plural = "audit log"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.action} {self.target}"
