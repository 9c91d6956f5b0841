"""Reads what the server holds: changes, digests, and whether a claim is held. Scoped to one owner, always."""

from migration.records.changes import MOST, Change, Changes, changes_since
from migration.records.digests import bucket_digests, bucket_entries
from migration.records.held import Holding, Scope, Tally, find_held, held_digests, held_keys, restate_fingerprints

__all__ = [
    "MOST",
    "Change",
    "Changes",
    "Holding",
    "Scope",
    "Tally",
    "bucket_digests",
    "bucket_entries",
    "changes_since",
    "find_held",
    "held_digests",
    "held_keys",
    "restate_fingerprints",
]
