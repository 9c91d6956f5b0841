"""ProgressTracker: the room's calls under the name the seed gives them."""

from migration.progress.errors import record_error
from migration.progress.snapshots import snapshot, snapshot_of
from migration.progress.voice import announce, announce_all, announce_epoch


class ProgressTracker:
    """Tells how far runs are. Counters are raised by whoever does the work; this only reads and speaks."""

    snapshot = staticmethod(snapshot)
    snapshot_of = staticmethod(snapshot_of)
    announce = staticmethod(announce)
    announce_all = staticmethod(announce_all)
    announce_epoch = staticmethod(announce_epoch)
    record_error = staticmethod(record_error)
