"""All that is held of one owner, whichever table it lies in: exported whole, erased whole, kept from coming back."""

from migration.custody.erase import bury_devices, delete_last, delete_some
from migration.custody.pruning import Facts, Horizon, facts_of, forget_conflicts, horizon_of, prune_below
from migration.custody.tables import ELSEWHERE, OwnedTable, owned_tables
from migration.custody.tombstones import bury, device_mark, lift, owner_mark

__all__ = [
    "ELSEWHERE",
    "Facts",
    "Horizon",
    "OwnedTable",
    "bury",
    "bury_devices",
    "delete_last",
    "delete_some",
    "device_mark",
    "facts_of",
    "forget_conflicts",
    "horizon_of",
    "lift",
    "owned_tables",
    "owner_mark",
    "prune_below",
]
