"""Who answers reads and who has the last word: what a browser is told, and the epoch that refuses older answers."""

from migration.cutover.buckets import BUCKETS, bucket_of, is_within
from migration.cutover.changes import FIRST_SHARE, WHOLE, Action, Standing, changed, is_ahead
from migration.cutover.configuration import Config, config_for
from migration.cutover.coordinator import ZeroDowntimeCoordinator, check_epoch, current_epoch, raise_owner_epoch
from migration.cutover.effective import READS_SERVER, ROAD, Circumstances, Effective, Why, effective, server_decides
from migration.cutover.owners import set_owner_off, set_owner_on
from migration.cutover.settling import settle, settle_all
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
    "FIRST_SHARE",
    "HAS_RECEIPT",
    "READS_SERVER",
    "ROAD",
    "WHOLE",
    "Action",
    "Circumstances",
    "Comparison",
    "Config",
    "Effective",
    "Requested",
    "Requests",
    "Stages",
    "Standing",
    "Why",
    "ZeroDowntimeCoordinator",
    "bucket_of",
    "changed",
    "check_epoch",
    "config_for",
    "current_epoch",
    "devices_with_receipt",
    "effective",
    "is_ahead",
    "is_within",
    "raise_owner_epoch",
    "requests_of",
    "requests_of_apps",
    "server_decides",
    "set_owner_off",
    "set_owner_on",
    "settle",
    "settle_all",
    "stages_for",
    "stages_of_nobody",
]
