"""Settings changed while everything runs."""

from django.db import models


class Tuning(models.Model):
    """What one setting is instead of what the environment says, since when and by whom."""

    name = models.CharField(max_length=64, primary_key=True)
    value = models.CharField(max_length=200)
    actor = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta:
        verbose_name = "setting changed while running"
        verbose_name_plural = "settings changed while running"

    def __str__(self) -> str:
        return f"{self.name} = {self.value}"
