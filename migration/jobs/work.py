"""The one job."""

import time

from django.db import close_old_connections
from django.utils import timezone
from structlog.contextvars import bound_contextvars

from migration import dispatch
from migration.config import setting
from migration.lifecycle import enlist
from migration.orchestration import MigrationOrchestrator


def work(**_unknown: object) -> None:
    """Do what waits in Postgres until nothing does. Tolerates arguments of newer versions."""
    close_old_connections()
    # Who uploads in this moment is taken along: a batch of many users costs little more than one of a single user.
    _gather()
    # From here on a bell is queued for what comes next, so nothing can slip between our last look and our end.
    dispatch.answered()
    holder = enlist()
    with bound_contextvars(worker=holder):
        MigrationOrchestrator().work_until_done(holder=holder, clock=timezone.now, gather=_gather)


def _gather() -> None:
    time.sleep(setting("GATHER_SECONDS"))
