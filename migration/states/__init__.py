"""State machines as tables: one file each. Everything that decides whether a move is legal stands here."""

from migration.states.app_rollback import APP_ROLLBACK, AppRollbackState
from migration.states.archive_job import ARCHIVE_JOB, ArchiveJobState
from migration.states.backup import BACKUP, BackupState
from migration.states.breaker import BREAKER, BreakerState
from migration.states.chunk import CHUNK, ChunkState
from migration.states.conflict import CONFLICT, ConflictState
from migration.states.machine import Machine, Move
from migration.states.quarantine import QUARANTINE, QuarantineState
from migration.states.run import RUN, RunState
from migration.states.stage import STAGE, Stage
from migration.states.upload import UPLOAD, UploadState

MACHINES = (RUN, UPLOAD, CHUNK, QUARANTINE, CONFLICT, BACKUP, STAGE, BREAKER, APP_ROLLBACK, ARCHIVE_JOB)

__all__ = [
    "APP_ROLLBACK",
    "ARCHIVE_JOB",
    "BACKUP",
    "BREAKER",
    "CHUNK",
    "CONFLICT",
    "MACHINES",
    "QUARANTINE",
    "RUN",
    "STAGE",
    "UPLOAD",
    "AppRollbackState",
    "ArchiveJobState",
    "BackupState",
    "BreakerState",
    "ChunkState",
    "ConflictState",
    "Machine",
    "Move",
    "QuarantineState",
    "RunState",
    "Stage",
    "UploadState",
]
