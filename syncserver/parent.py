"""Ties a process to the one that started it, so that a killed supervisor leaves nothing behind.

The kernel forgets the tie when a process changes its user, and never hands it to grandchildren; so it is
made in the child before `exec`, and made again by every process of ours that starts (`die_with_parent`).
"""

import ctypes
import os
import signal
import sys

SUPERVISED_BY = "MIGRATION_SUPERVISED_BY"
PR_SET_PDEATHSIG = 1

# Looked up at import: between fork and exec the loader's lock may belong to a thread that is no more.
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def tie(to: int, *, by: int = signal.SIGKILL) -> None:
    """Have the kernel send `by` to this process when process `to`, its parent, dies; exit if it already has.

    What the kernel really watches is the *thread* that forked: it has to live as long as the parent.
    Does nothing where the kernel has no such call.
    """
    if _prctl is None:
        return
    _prctl(PR_SET_PDEATHSIG, int(by), 0, 0, 0)
    if os.getppid() != to:
        # The parent died between fork and here; nobody would ever send the signal.
        os._exit(1)


def die_with_parent() -> None:
    """Tie this process to the one that started it, if a supervisor stands above (`MIGRATION_SUPERVISED_BY`).

    To its own parent, not to the supervisor: a server that forks must take its children along.
    """
    if os.environ.get(SUPERVISED_BY):
        tie(os.getppid())
