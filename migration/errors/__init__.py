"""Every failure has a class, a stable `code`, and a docstring that is its default message.

    MigrationError
    ├── BadInput            the request or entry is wrong; repeating it unchanged cannot help
    ├── Refused             understood, but not allowed now (wrong state, stale epoch, foreign object)
    └── Unavailable         try again later

Doors turn `code` into a status in one table (`migration.api.problems`). Clients match on `code`, never on words.
"""

from migration.errors.archives import (
    ArchiveDamaged,
    ArchiveInTheWay,
    ArchiveInvalid,
    ArchiveLocked,
    ArchiveTooLarge,
    ArchiveVersion,
)
from migration.errors.base import BadInput, MigrationError, Refused, Unavailable
from migration.errors.intake import (
    BodyInvalid,
    ChecksumMismatch,
    EditInvalid,
    EncodingInvalid,
    EntryCountWrong,
    InflateLimit,
    LineForm,
    ManifestInvalid,
    ManifestShrinks,
    SensitiveItem,
    TooLarge,
)
from migration.errors.refusals import (
    AppDisabled,
    BackupExpired,
    BackupUnreadable,
    CannotRollBack,
    CursorExpired,
    Erased,
    FenceSuperseded,
    GuestsNotAllowed,
    IdempotencyMismatch,
    IllegalMove,
    LeaseLost,
    NotFound,
    NothingToReplay,
    NotMigrated,
    OriginNotAllowed,
    OverQuota,
    RateLimited,
    RunExpired,
    StaleEpoch,
    TimelineChanged,
    Unauthenticated,
    WrongState,
)
from migration.errors.schemas import SchemaInvalid
from migration.errors.stages import GatesClosed, StageChangeInvalid
from migration.errors.tuning import SettingInvalid

__all__ = [
    "AppDisabled",
    "ArchiveDamaged",
    "ArchiveInTheWay",
    "ArchiveInvalid",
    "ArchiveLocked",
    "ArchiveTooLarge",
    "ArchiveVersion",
    "BackupExpired",
    "BackupUnreadable",
    "BadInput",
    "BodyInvalid",
    "CannotRollBack",
    "ChecksumMismatch",
    "CursorExpired",
    "EditInvalid",
    "EncodingInvalid",
    "EntryCountWrong",
    "Erased",
    "FenceSuperseded",
    "GatesClosed",
    "GuestsNotAllowed",
    "IdempotencyMismatch",
    "IllegalMove",
    "InflateLimit",
    "LeaseLost",
    "LineForm",
    "ManifestInvalid",
    "ManifestShrinks",
    "MigrationError",
    "NotFound",
    "NotMigrated",
    "NothingToReplay",
    "OriginNotAllowed",
    "OverQuota",
    "RateLimited",
    "Refused",
    "RunExpired",
    "SchemaInvalid",
    "SensitiveItem",
    "SettingInvalid",
    "StageChangeInvalid",
    "StaleEpoch",
    "TimelineChanged",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
    "WrongState",
]
