"""Who answers reads and who has the last word: what a browser is told, and the epoch that refuses older answers."""

from migration.cutover.buckets import BUCKETS, bucket_of, is_within
from migration.cutover.configuration import Config, config_for
from migration.cutover.coordinator import ZeroDowntimeCoordinator, check_epoch, current_epoch, raise_owner_epoch
from migration.cutover.effective import READS_SERVER, ROAD, Circumstances, Effective, Why, effective, server_decides
from migration.cutover.owners import set_owner_off, set_owner_on
from migration.cutover.stages import (
    HAS_RECEIPT,
    Comparison,
    Requested,
    Requests,
    Stages,
    devices_with_receipt,
    requests_of,
    requests_of_apps,
    stages_for,
    stages_of_nobody,
)

__all__ = [
    "BUCKETS",
    "HAS_RECEIPT",
    "READS_SERVER",
    "ROAD",
    "Circumstances",
    "Comparison",
    "Config",
    "Effective",
    "Requested",
    "Requests",
    "Stages",
    "Why",
    "ZeroDowntimeCoordinator",
    "bucket_of",
    "check_epoch",
    "config_for",
    "current_epoch",
    "devices_with_receipt",
    "effective",
    "is_within",
    "raise_owner_epoch",
    "requests_of",
    "requests_of_apps",
    "server_decides",
    "set_owner_off",
    "set_owner_on",
    "stages_for",
    "stages_of_nobody",
]
