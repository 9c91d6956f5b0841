"""What each process has spent of the processors: steadier than a clock on a machine others use too."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import psutil

from tests.benchmarks.memory import HasPid

GENERATOR = "generator"


class Meter:
    """Reads the processor time, user and system, of processes with all they have started and of this one."""

    def __init__(self, processes: Mapping[str, HasPid]) -> None:
        """Watch these processes; those numbered (`worker-0`, `worker-1`) are summed under one name."""
        self._processes = processes

    @contextmanager
    def over(self, amount: int) -> Iterator[dict[str, float]]:
        """When the body ends, fill the dictionary it was given with microseconds by name for each of `amount`."""
        spent: dict[str, float] = {}
        begun = self._read()
        yield spent
        spent |= {name: (now - begun.get(name, 0.0)) / amount * 1e6 for name, now in self._read().items()}

    def _read(self) -> dict[str, float]:
        own = os.times()
        seconds = {GENERATOR: own.user + own.system}
        for name, process in self._processes.items():
            if process.pid:
                kind = name.partition("-")[0]
                seconds[kind] = seconds.get(kind, 0.0) + _of_family(psutil.Process(process.pid))
        return seconds


def _of_family(parent: psutil.Process) -> float:
    """Sum a process and its children; what children that ended have spent is in their parent's own account."""
    total = 0.0
    for process in (*parent.children(recursive=True), parent):
        with suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:4])
    return total
