"""Settings of the service: one place that names them, their defaults and their units."""

from migration.config.faults import FAULT_POINTS, FaultInjected, fault_point, faults_armed
from migration.config.keys import encryption_keys, signing_seed
from migration.config.settings import SETTINGS, Setting, setting

__all__ = [
    "FAULT_POINTS",
    "SETTINGS",
    "FaultInjected",
    "Setting",
    "encryption_keys",
    "fault_point",
    "faults_armed",
    "setting",
    "signing_seed",
]
