"""Work on an archive: it runs, rests, and comes to an end."""

from django.db import models

from migration.states.machine import Machine


class ArchiveJobState(models.TextChoices):
    """Running has a process at it (or had: then it is resumed), paused has none."""

    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


ARCHIVE_JOB = Machine(
    "archive_job",
    ArchiveJobState.RUNNING,
    {
        ArchiveJobState.RUNNING: {
            ArchiveJobState.PAUSED: "pause",
            ArchiveJobState.DONE: "all lines through",
            ArchiveJobState.FAILED: "gave up",
            ArchiveJobState.CANCELLED: "cancel",
            ArchiveJobState.EXPIRED: "nobody went on in time",
        },
        ArchiveJobState.PAUSED: {
            ArchiveJobState.RUNNING: "resume",
            ArchiveJobState.CANCELLED: "cancel",
            ArchiveJobState.EXPIRED: "nobody went on in time",
        },
        ArchiveJobState.FAILED: {
            ArchiveJobState.RUNNING: "resume",
            ArchiveJobState.CANCELLED: "cancel",
            ArchiveJobState.EXPIRED: "nobody went on in time",
        },
        ArchiveJobState.DONE: {},
        ArchiveJobState.CANCELLED: {},
        ArchiveJobState.EXPIRED: {},
    },
)
