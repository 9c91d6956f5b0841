"""What work on an archive asks before each batch: does anybody wish otherwise, and is there room for its priority?"""

import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from migration.loading import Priority, gives_way
from migration.orchestration.archiving_jobs import answer_wishes, note_status
from migration.orchestration.throttling import throttle

if TYPE_CHECKING:
    from migration.orchestration.archiving_pieces import Standing

_LOOK = 1.0
"""Seconds between two looks whether there is room again."""


def may_go_on(
    standing: "Standing",
    *,
    priority: Priority,
    clock: Callable[[], datetime],
    tell: "Callable[[Standing], None] | None" = None,
    goes_on: Callable[[], bool] = lambda: True,
) -> bool:
    """Answer wishes, and wait while there is no room, saying why in `standing` and in the work's row.

    False: it has been paused, cancelled or ended, or `goes_on` says no.
    """
    if standing.job_id is None:
        return goes_on()
    has_waited = False
    while answer_wishes(standing.job_id, at=clock()) is None and goes_on():
        verdict = throttle.verdict()
        waits = gives_way(verdict, priority)
        standing.throttle = f"{verdict.cause}: {verdict.reason}" if waits else ""
        if not waits:
            if has_waited:
                note_status(standing.job_id, throttle="")
            return True
        has_waited = True
        note_status(standing.job_id, throttle=standing.throttle)
        if tell:
            tell(standing)
        time.sleep(min(verdict.wait_seconds, _LOOK))
    return False
