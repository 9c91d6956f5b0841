"""Long polls: requests that wait for a run share one question to the database per tick, and hold no connection."""

import threading
import time
from collections import defaultdict
from uuid import UUID

from django.db import DatabaseError, InterfaceError, connection

from migration.asking import ask
from migration.states import RunState
from migration.values.questions import Statement

TICK_SECONDS = 0.05
_STANDING = Statement("SELECT id, state, mismatch FROM migration_migrationrun WHERE id = ANY(%s::uuid[])")
_UNDECIDED = (RunState.PLANNED, RunState.TRANSFERRING, RunState.VERIFYING)


def may_still_get_receipt(state: str, mismatch: object) -> bool:
    """Tell whether waiting makes sense: the run is on its way and no mismatch is known."""
    return state in _UNDECIDED and not (mismatch and state != RunState.VERIFYING)


class Waiters:
    """Who waits for which run. A thread asks for all of them while there are any, and ends with the last."""

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self._lock = threading.Lock()
        self._waiting: defaultdict[UUID, set[threading.Event]] = defaultdict(set)
        self._asking = False

    def wait(self, run_id: UUID, *, seconds: float) -> bool:
        """Wait until the run is decided; False when the time ran out first."""
        decided = threading.Event()
        with self._lock:
            self._waiting[run_id].add(decided)
            if not self._asking:
                self._asking = True
                threading.Thread(target=self._ask, name="receipt-waiters", daemon=True).start()
        try:
            return decided.wait(seconds)
        finally:
            with self._lock:
                self._waiting[run_id].discard(decided)
                if not self._waiting[run_id]:
                    del self._waiting[run_id]

    def _ask(self) -> None:
        while run_ids := self._whom():
            try:
                decided = _decided(run_ids)
            except (DatabaseError, InterfaceError):
                decided = set()  # the wait goes on; the answer will tell what is wrong
            finally:
                connection.close()
            with self._lock:
                for run_id in decided:
                    for one in self._waiting.get(run_id, ()):
                        one.set()
            time.sleep(TICK_SECONDS)

    def _whom(self) -> list[UUID]:
        with self._lock:
            if not self._waiting:
                self._asking = False
            return list(self._waiting)


_waiters = Waiters()


def wait_until_decided(run_id: UUID, *, seconds: float) -> bool:
    """Wait, holding no database connection, until a run has a receipt, a mismatch, or has left the road to one."""
    connection.close()
    return _waiters.wait(run_id, seconds=seconds)


def _decided(run_ids: list[UUID]) -> set[UUID]:
    rows = ask(_STANDING.of([run_ids]))
    undecided = {run_id for run_id, state, mismatch in rows if may_still_get_receipt(state, mismatch)}
    return set(run_ids) - undecided
