"""Settings of the service: one place that names them, their defaults and their units."""

from migration.config.settings import SETTINGS, Setting, setting
from migration.config.keys import encryption_keys, signing_seed

__all__ = ["SETTINGS", "Setting", "encryption_keys", "setting", "signing_seed"]
