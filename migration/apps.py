"""Registers the app with Django."""

from django.apps import AppConfig


class MigrationConfig(AppConfig):
    """The one Django app of this project."""

    name = "migration"
    verbose_name = "localStorage migration"
    default_auto_field = "django.db.models.BigAutoField"
