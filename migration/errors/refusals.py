"""What is refused although it was well-formed."""

from migration.errors.base import MigrationError, Refused, Unavailable


class Unauthenticated(Refused):
    """Valid credentials are required."""

    code = "unauthenticated"


class OriginNotAllowed(Refused):
    """This origin is not among the app's allowed origins."""

    code = "origin_not_allowed"


class GuestsNotAllowed(Refused):
    """This app does not take guests."""

    code = "guests_not_allowed"


class AppDisabled(Refused):
    """The app has been switched off."""

    code = "app_disabled"


class NotFound(Refused):
    """There is no such object here."""

    code = "not_found"


class WrongState(Refused):
    """The object is not in a state that allows this."""

    code = "wrong_state"


class IllegalMove(WrongState):
    """The state machine has no such move; nothing has changed."""

    code = "wrong_state"


class StaleEpoch(Refused):
    """The epoch has risen since: a stage was stepped back or something was rolled back."""

    code = "stale_epoch"


class TimelineChanged(Refused):
    """The database was restored or taken over since; revisions from before mean nothing now: verify by digest."""

    code = "timeline_changed"


class CursorExpired(Refused):
    """Deletions after this revision are no longer known; verify by digest and go on from there."""

    code = "cursor_expired"


class IdempotencyMismatch(Refused):
    """This id was used before with another body."""

    code = "idempotency_mismatch"


class RunExpired(Refused):
    """The run expired before anything arrived; start a new one."""

    code = "run_expired"


class FenceSuperseded(Refused):
    """Another tab of this device leads now."""

    code = "fence_superseded"


class RateLimited(Unavailable):
    """Too many requests; wait as long as Retry-After says."""

    code = "rate_limited"


class OverQuota(Unavailable):
    """More than the quota named in `limit` allows; nothing was stored."""

    code = "over_quota"


class CannotRollBack(Refused):
    """This cannot be rolled back now; `reasons` says why."""

    code = "cannot_roll_back"


class BackupUnreadable(Refused):
    """The backup is damaged or its key is not available; nothing has been changed."""

    code = "backup_unreadable"


class NothingToReplay(Refused):
    """No open entry is of this cause (any more)."""

    code = "nothing_to_replay"


class BackupExpired(Refused):
    """The backup was kept as long as the app keeps backups; its keys and bytes are gone."""

    code = "backup_expired"


class Erased(Refused):
    """Everything of this owner was erased; only an explicit new start brings anything back."""

    code = "erased"


class NotMigrated(Refused):
    """There is no receipt yet."""

    code = "not_migrated"


class LeaseLost(MigrationError):
    """Another worker holds these chunks now; this batch must not commit."""

    code = "lease_lost"
