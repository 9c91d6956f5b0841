"""Users of one app who never stop, in a process of their own that gives way to everybody: browsers are elsewhere.

    python -m tests.faults.flood http://127.0.0.1:8000 pk_app

What they send is cut and compressed beforehand. It goes on until it is told to end, and fails where a user does not
come to a receipt.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from subprocess import PIPE, Popen
from uuid import uuid4

from tests.benchmarks.wire import Browser, ReadyRun, ready_run
from tests.benchmarks.workload import snapshot

AT_ONCE = 4
KEYS = 2_000


@contextmanager
def flooding(url: str, app_key: str) -> Iterator[None]:
    """Flood while the body runs. Raises AssertionError where one of the users met what it should not."""
    process = Popen([sys.executable, "-m", "tests.faults.flood", url, app_key], stdout=PIPE, stderr=PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield
    finally:
        process.terminate()
        told, errors = process.communicate(timeout=120)
    print(told.strip())
    assert process.returncode == 0, errors[-2000:]


def _flood(url: str, app_key: str) -> int:
    os.nice(19)
    stores = [ready_run(snapshot(seed, keys=KEYS)) for seed in range(AT_ONCE)]
    over, users = threading.Event(), count()
    failed: list[Exception] = []

    def move(store: ReadyRun) -> None:
        browser = Browser(url)
        try:
            while not over.is_set():
                again = replace(store, id=str(uuid4()), device=str(uuid4()))
                browser.migrate(again, browser.guest(app_key))
                next(users)
        except Exception as error:  # noqa: BLE001 - told below
            failed.append(error)

    signal.signal(signal.SIGTERM, lambda *_: over.set())
    threads = [threading.Thread(target=move, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    for thread in threads:
        thread.join()
    print(f"{next(users)} users of {KEYS} entries flooded")
    if failed:
        raise failed[0]
    return 0


if __name__ == "__main__":
    sys.exit(_flood(*sys.argv[1:]))
