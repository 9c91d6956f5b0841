"""Settings of the service: one place that names them, their defaults and their units."""

from migration.config.collector import spare_loaded_code
from migration.config.faults import FAULT_POINTS, FaultInjected, fault_point, faults_armed
from migration.config.keys import counter_key, encryption_keys, signing_seed, tombstone_key
from migration.config.limits import OF_AN_APP, limit_of
from migration.config.settings import SETTINGS, TUNABLE, Setting, given_setting, read, setting
from migration.config.tuning import retune

__all__ = [
    "FAULT_POINTS",
    "OF_AN_APP",
    "SETTINGS",
    "TUNABLE",
    "FaultInjected",
    "Setting",
    "counter_key",
    "encryption_keys",
    "fault_point",
    "faults_armed",
    "given_setting",
    "limit_of",
    "read",
    "retune",
    "setting",
    "signing_seed",
    "spare_loaded_code",
    "tombstone_key",
]
