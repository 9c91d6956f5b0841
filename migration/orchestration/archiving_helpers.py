"""Processes that help at a restore: started, watched, replaced when they die."""

import os
import subprocess
from contextlib import suppress
from types import TracebackType
from typing import Self

import structlog

from migration.orchestration.processes import started

log = structlog.get_logger(__name__)
_REPLACED = 3
"""How often one helper is replaced: what dies again and again dies of the work."""
_PATIENCE = 30.0


class Helpers:
    """So many `migration_restore --join`; whoever leaves the block ends those that are still there."""

    def __init__(self, words: list[str], *, count: int) -> None:
        """Keep the command's words; nothing is started yet."""
        self._words, self._count = words, count
        self._running: list[subprocess.Popen[bytes]] = []
        self._replaced = 0

    def __enter__(self) -> Self:
        self._running = [self._start() for _ in range(self._count)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in self._running:
            if one.poll() is None:
                one.terminate()
        for one in self._running:
            with suppress(subprocess.TimeoutExpired):
                one.wait(_PATIENCE)
            if one.poll() is None:
                one.kill()
                one.wait()

    def tend(self) -> int:
        """Replace who died; return how many are at work. One that ended by itself found nothing more to do."""
        alive = []
        for one in self._running:
            code = one.poll()
            if code is None:
                alive.append(one)
            elif code and self._replaced < _REPLACED * self._count:
                self._replaced += 1
                log.warning("helper_replaced", code=code)
                alive.append(self._start())
        self._running = alive
        return len(alive)

    def _start(self) -> subprocess.Popen[bytes]:
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        return started(*self._words, "--helping", str(os.getpid()), **quiet)
