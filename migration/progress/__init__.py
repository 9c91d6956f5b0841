"""The only voice: what a run says of itself, kept honest and sent after the commit."""

from migration.progress.channel import channel_breaker
from migration.progress.errors import record_error
from migration.progress.snapshots import showing, shown, snapshot, snapshot_of, snapshots_of
from migration.progress.tracker import ProgressTracker
from migration.progress.voice import announce, announce_all, announce_app_epoch, announce_epoch, announce_records

__all__ = [
    "ProgressTracker",
    "announce",
    "announce_all",
    "announce_app_epoch",
    "announce_epoch",
    "announce_records",
    "channel_breaker",
    "record_error",
    "showing",
    "shown",
    "snapshot",
    "snapshot_of",
    "snapshots_of",
]
