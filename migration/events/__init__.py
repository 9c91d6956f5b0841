"""What is announced: names of messages and of timeline lines. Values only; `progress` speaks them."""

from enum import StrEnum


class Message(StrEnum):
    """Types of socket messages after the snapshot (the SDK's event names)."""

    PROGRESS = "progressUpdate"
    STAGE = "stageChanged"
    ERROR = "errorAdded"
    COMPLETED = "migrationCompleted"
    FAILED = "migrationFailed"
    ROLLED_BACK = "rollbackCompleted"


class Happening(StrEnum):
    """Kinds of timeline lines."""

    STATE = "state"
    WISH = "wish"
    DECISION = "decision"
    ERROR = "error"
    VERIFIED = "verified"
    ROLLBACK = "rollback"
    DRIFT = "drift"
    REPLAY = "replay"


__all__ = ["Happening", "Message"]
