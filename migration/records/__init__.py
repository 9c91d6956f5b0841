"""Reads what the server holds: changes, digests, and whether a claim is held. Scoped to one owner, always."""

from migration.records.held import Holding, Scope, Tally, find_held, held_digests, held_keys

__all__ = ["Holding", "Scope", "Tally", "find_held", "held_digests", "held_keys"]
