"""How much uploads may hold in memory at once: they wait for their turn, so that fifty bombs weigh as much as a few."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from migration.errors import Unavailable

BUDGET_BYTES = 12 * 1_048_576
PATIENCE_SECONDS = 20.0


class Budget:
    """So many bytes for all requests of this process. Whoever needs more than there is altogether works alone."""

    def __init__(self, total: int) -> None:
        """Begin with all of it free."""
        self._total = self._free = total
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, weight: int, *, patience: float = PATIENCE_SECONDS) -> Iterator[None]:
        """Hold `weight` bytes while the body runs, waiting for them if need be. Raises Unavailable."""
        share = min(weight, self._total)
        self._take(share, patience)
        try:
            yield
        finally:
            with self._changed:
                self._free += share
                self._changed.notify_all()

    def _take(self, share: int, patience: float) -> None:
        with self._changed:
            if self._free < share:
                _let_go_of_the_database()
                self._wait(share, time.monotonic() + patience)
            self._free -= share

    def _wait(self, share: int, deadline: float) -> None:
        while self._free < share:
            if not self._changed.wait(deadline - time.monotonic()) and self._free < share:
                raise Unavailable("Too many uploads at once.", retry_after=2)


def _let_go_of_the_database() -> None:
    """A request that waits must not keep a connection from one that could go on."""
    if not connection.in_atomic_block:
        connection.close()


uploads = Budget(BUDGET_BYTES)


def weight_of(*, body: int, payload: int) -> int:
    """Return about how much opening and storing a chunk holds: received, sealed and on its way, and inflated."""
    return 3 * body + 2 * payload
