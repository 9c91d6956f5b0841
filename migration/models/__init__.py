"""What Postgres keeps. Ids travel between rooms, model instances rarely do."""

from migration.models.app_rollbacks import AppPoint, AppRollback
from migration.models.archives import ArchiveJob
from migration.models.audit import AuditLine
from migration.models.backups import Backup
from migration.models.chunks import Chunk
from migration.models.erasures import Erasure, Tombstone
from migration.models.measures import ComparisonMinute, ComparisonSample, DeviceOutbox, Mismatch
from migration.models.plans import CutoverLook, CutoverPlan, GateReading, RollbackProof
from migration.models.pulse import EVERYBODY, FOLDED, STANDING, Pulse
from migration.models.records import Conflict, QuarantineEntry, Record, RecordVersion, Repetition
from migration.models.replays import Replay
from migration.models.restorations import Restoration
from migration.models.rollbacks import Rollback, RollbackPoint
from migration.models.runs import MigrationRun, RunEvent
from migration.models.schemas import CollectionSchema, DriftNotice, SchemaSample
from migration.models.stages import LONGEST_POINTER, REST, CollectionStage, StageChange
from migration.models.tenancy import App, AppSecret, Device, Owner, SocketTicket
from migration.models.tuning import Tuning
from migration.models.usage import Usage

__all__ = [
    "EVERYBODY",
    "FOLDED",
    "LONGEST_POINTER",
    "REST",
    "STANDING",
    "App",
    "AppPoint",
    "AppRollback",
    "AppSecret",
    "ArchiveJob",
    "AuditLine",
    "Backup",
    "Chunk",
    "CollectionSchema",
    "CollectionStage",
    "ComparisonMinute",
    "ComparisonSample",
    "Conflict",
    "CutoverLook",
    "CutoverPlan",
    "Device",
    "DeviceOutbox",
    "DriftNotice",
    "Erasure",
    "GateReading",
    "MigrationRun",
    "Mismatch",
    "Owner",
    "Pulse",
    "QuarantineEntry",
    "Record",
    "RecordVersion",
    "Repetition",
    "Replay",
    "Restoration",
    "Rollback",
    "RollbackPoint",
    "RollbackProof",
    "RunEvent",
    "SchemaSample",
    "SocketTicket",
    "StageChange",
    "Tombstone",
    "Tuning",
    "Usage",
]
