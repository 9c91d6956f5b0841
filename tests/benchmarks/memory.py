"""Peak memory of processes and of all they have started, as Linux accounts it."""

from collections.abc import Iterable, Mapping
from typing import Protocol

import psutil

_MIB = 1024 * 1024


class HasPid(Protocol):
    """Anything with a process behind it."""

    @property
    def pid(self) -> int | None:
        """The process id, None when it is down."""


def peaks(processes: Mapping[str, HasPid]) -> dict[str, float]:
    """Return the highest resident size, in MiB, that a process of each name or any child of it has had.

    Postgres and Redis are left out: their shared buffers are a setting, not a cost of ours.
    """
    ours = {name: process.pid for name, process in processes.items() if name not in ("postgres", "redis")}
    return {name: max(_peaks(pid)) for name, pid in ours.items() if pid}


def _peaks(pid: int) -> Iterable[float]:
    parent = psutil.Process(pid)
    for process in (parent, *parent.children(recursive=True)):
        yield _high_water_mark(process.pid)


def _high_water_mark(pid: int) -> float:
    with open(f"/proc/{pid}/status") as status:  # noqa: PTH123 - not a file on a disk
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / _MIB
    raise AssertionError(f"process {pid} does not tell its peak")
