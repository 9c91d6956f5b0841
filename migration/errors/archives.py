"""What is wrong with an archive. Each is found before anything of what it is about is written."""

from migration.errors.base import BadInput, Refused


class ArchiveInvalid(BadInput):
    """The archive's manifest or one of its lines does not have the documented shape."""

    code = "archive_invalid"


class ArchiveDamaged(BadInput):
    """The archive is cut off, altered, or does not hold what its manifest says."""

    code = "archive_damaged"


class ArchiveTooLarge(BadInput):
    """A line or the whole of an archive is larger than the limits allow."""

    code = "archive_too_large"


class ArchiveVersion(BadInput):
    """The archive was written in a format this version does not know."""

    code = "archive_version"


class ArchiveLocked(Refused):
    """The archive is sealed under a key that is not among the configured ones, or belongs to another app."""

    code = "archive_locked"


class ArchiveInTheWay(Refused):
    """There is something at the place the archive would be written to, or somebody is writing there."""

    code = "archive_in_the_way"
