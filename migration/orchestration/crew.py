"""Workers as processes: started, replaced when they die, added and let go as the load asks."""

import subprocess
import time
from contextlib import suppress

import structlog
from django.db import DatabaseError, close_old_connections

from migration.config import retune, setting
from migration.loading import Load, Staff, cpu_share, queue_seconds, staff
from migration.orchestration.processes import started

log = structlog.get_logger(__name__)
_LONGEST = 30.0
"""Seconds between two tries at most, where workers die as soon as they are started."""
_SETTLED = 10.0


class Crew:
    """Between `least` and `most` processes of `migration_worker`."""

    def __init__(self, *, least: int, most: int) -> None:
        """Start nothing yet."""
        self._least, self._most = least, most
        self._workers: list[subprocess.Popen[bytes]] = []
        self._wanted, self._failures, self._not_before = least, 0, 0.0
        self._busy_at = time.monotonic()

    def tend(self) -> None:
        """Replace who died, with growing pauses where they die at once; start or let go as many as are wanted."""
        now = time.monotonic()
        alive = [one for one in self._workers if one.poll() is None]
        if len(alive) < len(self._workers):
            self._failures += 1
            self._not_before = now + min(_LONGEST, 0.1 * 2.0**self._failures)
            log.warning("worker_died", left=len(alive), again_in=round(self._not_before - now, 1))
        elif now - self._not_before > _SETTLED:
            self._failures = 0
        self._workers = alive
        while len(self._workers) < self._wanted and now >= self._not_before:
            self._workers.append(started("migration_worker"))
        for one in self._workers[self._wanted :]:
            one.terminate()  # it ends after its batch; until then it is nobody's
        self._workers = self._workers[: self._wanted]

    def adapt(self) -> Staff:
        """Look at what waits and how busy the machine is, and want as many workers as that asks for."""
        retune()
        close_old_connections()
        now = time.monotonic()
        try:
            waited = queue_seconds()
        except DatabaseError:
            return Staff(self._wanted, "Postgres cannot be asked")
        if waited:
            self._busy_at = now
        load = Load(waited, now - self._busy_at, cpu_share())
        found = staff(
            load,
            workers=self._wanted,
            least=self._least,
            most=self._most,
            cpu_threshold=setting("LOAD_CPU_SHARE"),
        )
        if found.workers != self._wanted:
            log.info("workers_changed", workers=found.workers, reason=found.reason)
            self._wanted = found.workers
        return found

    def end(self, *, patience: float = 60.0) -> None:
        """Have all end after the batch they are at."""
        for one in self._workers:
            with suppress(ProcessLookupError):
                one.terminate()
        until = time.monotonic() + patience
        for one in self._workers:
            with suppress(subprocess.TimeoutExpired):
                one.wait(max(0.1, until - time.monotonic()))
            if one.poll() is None:
                one.kill()
