"""Who answers reads and who has the last word: what a browser is told, and the epoch that refuses older answers."""

from migration.cutover.configuration import Config, config_for
from migration.cutover.coordinator import ZeroDowntimeCoordinator, check_epoch, current_epoch, raise_owner_epoch

__all__ = ["Config", "ZeroDowntimeCoordinator", "check_epoch", "config_for", "current_epoch", "raise_owner_epoch"]
