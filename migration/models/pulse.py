"""How the installation has been doing, minute by minute: folded from what happened, never written by work itself."""

from uuid import UUID

from django.db import models

EVERYBODY = UUID(int=0)
"""Stands for the app in rows that are the sum over all apps."""

FOLDED = "folded"
"""The measure that says, in seconds since 1970, up to when everything is folded."""
STANDING = ("funnel", "runs", "quarantine", "conflicts", "backups", "backup_bytes")
"""Measures of how things stand; the others count what happened."""


class Pulse(models.Model):
    """One figure of one minute. What happened has the minute in which it did; how things stand has the full hour."""

    pk = models.CompositePrimaryKey("app_id", "measure", "code", "minute")
    app_id = models.UUIDField()
    measure = models.CharField(max_length=24)
    code = models.CharField(max_length=64)
    minute = models.DateTimeField()
    amount = models.FloatField()

    class Meta:
        indexes = [models.Index(fields=["minute"], name="pulse_by_age")]
