"""Registers the app with Django."""

from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class MigrationConfig(AppConfig):
    """The one Django app of this project."""

    name = "migration"
    verbose_name = "localStorage migration"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks. Have walls raised after each `migrate`: no table may stand open because it is new."""
        import_module("migration.checks")
        post_migrate.connect(_raise_walls, sender=self, dispatch_uid="migration.walls")


def _raise_walls(**_: Any) -> None:
    from migration.walls import raise_walls

    raise_walls()
