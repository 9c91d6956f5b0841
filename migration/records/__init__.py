"""Reads what the server holds: changes, digests, and whether a claim is held. Scoped to one owner, always."""

from migration.records.browsing import START, Listed, Page, Place, begin_with, list_records, with_key
from migration.records.changes import MOST, Change, Changes, changes_since
from migration.records.digests import LAST, Stretch, read_stretch
from migration.records.disputes import Sides, sides_of
from migration.records.examples import read_examples
from migration.records.held import Holding, Scope, Tally, find_held, held_digests, held_keys, restate_fingerprints
from migration.records.named import Named, records_named
from migration.records.single import Single, Version, read_record, read_value
from migration.records.standing import UNEXPLAINED, Standing, find_standing, set_aside
from migration.records.written import Writer, Written, written_by

__all__ = [
    "LAST",
    "MOST",
    "START",
    "UNEXPLAINED",
    "Change",
    "Changes",
    "Holding",
    "Listed",
    "Named",
    "Page",
    "Place",
    "Scope",
    "Sides",
    "Single",
    "Standing",
    "Stretch",
    "Tally",
    "Version",
    "Writer",
    "Written",
    "begin_with",
    "changes_since",
    "find_held",
    "find_standing",
    "held_digests",
    "held_keys",
    "list_records",
    "read_examples",
    "read_record",
    "read_stretch",
    "read_value",
    "records_named",
    "restate_fingerprints",
    "set_aside",
    "sides_of",
    "with_key",
    "written_by",
]
