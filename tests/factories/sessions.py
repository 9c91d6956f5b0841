"""Work in another session of Postgres than the test's."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection, transaction


def in_another_session(do: Callable[[], object]) -> object:
    """Run `do` on a connection of its own, which is closed and gone from the server afterwards."""
    result: list[object] = []
    backends: list[int] = []

    def body() -> None:
        try:
            result.append(do())
            backends.append(connection.connection.info.backend_pid)
        finally:
            connection.close()

    thread = threading.Thread(target=body)
    thread.start()
    thread.join(20)
    assert result, "the other session did not finish"
    wait_until_gone(backends[0])
    return result[0]


def wait_until_gone(backend: int) -> None:
    """Wait for the end of a server process: it lets go of its locks a moment after its client has hung up."""
    deadline = time.monotonic() + 20
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute("SELECT pg_stat_clear_snapshot()")  # what is seen first stays the same in a transaction
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", [backend])
            if not cursor.fetchone()[0]:
                return
    raise AssertionError("the other session's backend does not end")


@contextmanager
def held_in_another_session(do: Callable[[], object]) -> Iterator[threading.Event]:
    """Run `do` in a transaction of another session and keep that open while the block runs, or until what is yielded is
    set."""
    ready, done = threading.Event(), threading.Event()

    def body() -> None:
        try:
            with transaction.atomic():
                do()
                ready.set()
                done.wait(20)
        finally:
            connection.close()

    thread = threading.Thread(target=body)
    thread.start()
    assert ready.wait(20)
    try:
        yield done
    finally:
        done.set()
        thread.join(20)
