"""The one job."""

from django.db import close_old_connections
from django.utils import timezone

from migration import dispatch
from migration.lifecycle import enlist
from migration.orchestration import MigrationOrchestrator


def work(**_unknown: object) -> None:
    """Do what waits in Postgres until nothing does. Tolerates arguments of newer versions."""
    close_old_connections()
    # From here on a bell is queued for what comes next, so nothing can slip between our last look and our end.
    dispatch.answered()
    MigrationOrchestrator().work_until_done(holder=enlist(), clock=timezone.now)
