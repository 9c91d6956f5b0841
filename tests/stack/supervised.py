"""The supervisor as operators meet it: a process that prints a line and obeys signals."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psutil

from syncserver.stack import PROJECT, processes

T = TypeVar("T")
STARTS_WITHIN = 180.0
ENDS_WITHIN = 30.0
# These would make the supervisor use the servers of the test run instead of its own.
NOT_INHERITED = ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "MIGRATION_WORKERS")


@dataclass(kw_only=True)
class Supervised:
    """One `python -m syncserver.stack` with everything it prints."""

    root: Path
    process: subprocess.Popen[str] | None = None
    printed: "queue.Queue[str]" = field(default_factory=queue.Queue)
    complaints: list[str] = field(default_factory=list)

    def start(self, command: str, *words: str) -> "Supervised":
        """Start `run` or `services` on the test's own folder."""
        env = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "syncserver.stack", command, "--root", str(self.root), *words],
            cwd=PROJECT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._read(self.process)
        return self

    def line(self) -> str:
        """The next line on its standard output; fails the test with what it complained of when none comes."""
        assert self.process is not None
        running = self.process
        processes.wait_until(lambda: not self.printed.empty() or running.poll() is not None, seconds=STARTS_WITHIN)
        try:
            return self.printed.get(timeout=1)
        except queue.Empty:
            raise AssertionError(f"nothing was printed; exit {running.poll()}; stderr: {self.complaints}") from None

    def family(self) -> list[psutil.Process]:
        """Every process below it, its servers' own children included."""
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def signal(self, number: int) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, *, seconds: float = ENDS_WITHIN) -> int:
        """Wait for its end; return its exit code."""
        assert self.process is not None
        return self.process.wait(timeout=seconds)

    def ends_without_a_trace(self, number: int) -> None:
        """Send it a signal; fail where it ends with another code than it should, or leaves a process behind."""
        family = self.family()
        self.signal(number)
        assert self.wait() == (-number if number == signal.SIGKILL else 0)
        assert left(family) == []

    def end(self) -> None:
        """Make sure that nothing of it outlives the test."""
        if self.process is None:
            return
        if self.process.poll() is None:
            family = self.family()
            self.process.kill()
            left(family)
        self.process.wait()
        for reader in self._readers:
            reader.join(timeout=5)

    def _read(self, process: subprocess.Popen[str]) -> None:
        self._readers = [
            threading.Thread(target=self._copy, args=(process.stdout, self.printed.put), daemon=True),
            threading.Thread(target=self._copy, args=(process.stderr, self.complaints.append), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _copy(stream, put) -> None:
        with stream:
            for line in stream:
                put(line.rstrip("\n"))


def told(family: list[psutil.Process], ask: Callable[[psutil.Process], T]) -> list[T]:
    """What `ask` answers for each of `family`. Postgres has children that end at any moment: those say nothing."""
    answers = []
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            answers.append(ask(process))
    return answers


def left(family: list[psutil.Process], *, seconds: float = 15.0) -> list[psutil.Process]:
    """Those of `family` that still work after `seconds`; a zombie is dead and only waits to be counted."""
    processes.wait_until(lambda: not any(map(_works, family)), seconds=seconds)
    return [process for process in family if _works(process)]


def _works(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
