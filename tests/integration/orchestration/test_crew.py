"""Workers under one command: the dead are replaced, and all end with it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import psutil
import pytest

from tests.integration.archives.test_going_on import _url


def _until(holds: Callable[[], bool], *, seconds: float = 60.0) -> None:
    over = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < over, "it never came to be"
        time.sleep(0.1)


def _children(crew: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return [one for one in psutil.Process(crew.pid).children() if _lives(one)]


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # collected since it was listed
        return False


@pytest.mark.faults
def test_the_dead_are_replaced_and_all_end_together(transactional_db: None) -> None:
    command = [sys.executable, "manage.py", "migration_worker", "--processes", "2"]
    crew = subprocess.Popen(command, env={**os.environ, "DATABASE_URL": _url()})
    try:
        _until(lambda: len(_children(crew)) == 2)
        first = _children(crew)
        first[0].kill()
        _until(lambda: len(_children(crew)) == 2 and first[0] not in _children(crew))
        left = _children(crew)
        assert first[1] in left, "who lives is left alone"
        crew.send_signal(signal.SIGTERM)
        assert crew.wait(60) == 0
        _until(lambda: not any(one.is_running() for one in left))
    finally:
        crew.kill()
