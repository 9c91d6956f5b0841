"""What `manage.py check` says of dangerous settings. Importing this registers every check with Django."""

from migration.checks.dangers import DANGERS, Danger
from migration.checks.database import look_into_the_database
from migration.checks.files import look_for_secrets_in_files
from migration.checks.settings import look_at_settings

__all__ = [
    "DANGERS",
    "Danger",
    "look_at_settings",
    "look_for_secrets_in_files",
    "look_into_the_database",
]
