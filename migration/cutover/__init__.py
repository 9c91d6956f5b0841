"""Who answers reads and who has the last word: what a browser is told, and the epoch that refuses older answers."""

from migration.cutover.configuration import Config, config_for
from migration.cutover.coordinator import ZeroDowntimeCoordinator, check_epoch, current_epoch, raise_owner_epoch
from migration.cutover.owners import set_owner_off, set_owner_on, stage_for

__all__ = [
    "Config",
    "ZeroDowntimeCoordinator",
    "check_epoch",
    "config_for",
    "current_epoch",
    "raise_owner_epoch",
    "set_owner_off",
    "set_owner_on",
    "stage_for",
]
