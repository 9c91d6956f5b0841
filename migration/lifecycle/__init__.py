"""The only writer of states: a table says which moves are legal, a guarded UPDATE makes them so."""

from migration.lifecycle.audit import audit
from migration.lifecycle.chunks import ClaimedChunk, claim_chunks, finish_chunks, release_chunks, release_dead_claims
from migration.lifecycle.runs import move_run, move_upload, note, wish

__all__ = [
    "ClaimedChunk",
    "audit",
    "claim_chunks",
    "finish_chunks",
    "move_run",
    "move_upload",
    "note",
    "release_chunks",
    "release_dead_claims",
    "wish",
]
