"""The only writer of states: a table says which moves are legal, a guarded UPDATE makes them so."""

from migration.lifecycle.app_rollbacks import (
    claim_shares,
    finish_app_rollback,
    hold_app_rollback,
    move_app_rollback,
    release_shares,
)
from migration.lifecycle.archive_jobs import (
    Counts,
    checkpoint_archive_job,
    checkpoint_piece,
    move_archive_job,
    settled_state,
)
from migration.lifecycle.audit import audit
from migration.lifecycle.backups import Expired, expire_backups
from migration.lifecycle.chunks import (
    Batch,
    ClaimedChunk,
    checkpoint_chunk,
    claim_chunks,
    finish_chunks,
    release_chunks,
    release_dead_claims,
)
from migration.lifecycle.conflicts import OTHER, decide_conflict
from migration.lifecycle.haste import Company
from migration.lifecycle.quarantine import move_entries
from migration.lifecycle.runs import move_run, move_upload, note, refuse_unstarted, start_run, starting, wish
from migration.lifecycle.stages import forget_row, lock_app, move_stage, note_stage_change, row_of
from migration.lifecycle.tickets import Ticket, consume_ticket, issue_ticket
from migration.lifecycle.timeline import timeline
from migration.lifecycle.together import together
from migration.lifecycle.verifying import (
    Completion,
    begin_verification_if_loaded,
    begin_verifications,
    claim_verifications,
    complete_runs,
    give_verifications_back,
)
from migration.lifecycle.workers import count_workers, enlist

__all__ = [
    "OTHER",
    "Batch",
    "ClaimedChunk",
    "Company",
    "Completion",
    "Counts",
    "Expired",
    "Ticket",
    "audit",
    "begin_verification_if_loaded",
    "begin_verifications",
    "checkpoint_archive_job",
    "checkpoint_chunk",
    "checkpoint_piece",
    "claim_chunks",
    "claim_shares",
    "claim_verifications",
    "complete_runs",
    "consume_ticket",
    "count_workers",
    "decide_conflict",
    "enlist",
    "expire_backups",
    "finish_app_rollback",
    "finish_chunks",
    "forget_row",
    "give_verifications_back",
    "hold_app_rollback",
    "issue_ticket",
    "lock_app",
    "move_app_rollback",
    "move_archive_job",
    "move_entries",
    "move_run",
    "move_stage",
    "move_upload",
    "note",
    "note_stage_change",
    "refuse_unstarted",
    "release_chunks",
    "release_dead_claims",
    "release_shares",
    "row_of",
    "settled_state",
    "start_run",
    "starting",
    "timeline",
    "together",
    "wish",
]
