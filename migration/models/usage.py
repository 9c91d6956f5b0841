"""What has been sent, counted for quotas."""

from django.db import models


class Usage(models.Model):
    """What an owner sent on a day, or (without a day) in all and is still stored; without an owner, the app as a whole.

    Rows of an app as a whole exist only where it has a quota of its own: one row for all its owners is a lock for all.
    """

    app_id = models.UUIDField()
    owner_id = models.UUIDField(null=True)
    day = models.DateField(null=True)
    bytes = models.BigIntegerField(default=0, db_default=0, help_text="Payloads once inflated.")
    entries = models.BigIntegerField(default=0, db_default=0)
    runs = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["app_id", "owner_id", "day"], nulls_distinct=False, name="usage_once")
        ]
