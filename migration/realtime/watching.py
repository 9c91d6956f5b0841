"""One look for all: whether the epoch of an app has risen whose owners this process shows.

A panic must reach pages also while Redis is away. That each socket looked for itself so often would be a question per
page; this is one question per process.
"""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID
from weakref import WeakKeyDictionary

import structlog
from django.db import DatabaseError

from migration.realtime.reading import read_app_epochs
from migration.realtime.threads import in_thread

LOOK = 2.0
"""Seconds between two looks."""

Tell = Callable[[int], Awaitable[None]]

log = structlog.get_logger(__name__)


class EpochWatch:
    """Tells whoever asked to be told, as long as there is anybody. Belongs to one event loop."""

    def __init__(self) -> None:
        self._told: dict[UUID, set[Tell]] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, app_id: UUID, tell: Tell) -> None:
        """Have `tell` called with the app's epoch after each look."""
        self._told.setdefault(app_id, set()).add(tell)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    def remove(self, app_id: UUID, tell: Tell) -> None:
        """Do not call it any more."""
        left = self._told.get(app_id, set())
        left.discard(tell)
        if not left:
            self._told.pop(app_id, None)

    async def _run(self) -> None:
        while self._told:
            await asyncio.sleep(LOOK)
            try:
                epochs = await in_thread(read_app_epochs)(list(self._told))
            except DatabaseError as error:
                log.warning("epochs_not_read", error=type(error).__name__)
                continue
            told = [tell(epoch) for app_id, epoch in epochs.items() for tell in tuple(self._told.get(app_id, ()))]
            # A page that has gone meanwhile must not keep the others from hearing of it.
            await asyncio.gather(*told, return_exceptions=True)


_watches: "WeakKeyDictionary[asyncio.AbstractEventLoop, EpochWatch]" = WeakKeyDictionary()


def epoch_watch() -> EpochWatch:
    """Return the watch of the running event loop."""
    return _watches.setdefault(asyncio.get_running_loop(), EpochWatch())
