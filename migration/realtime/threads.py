"""Where sockets ask Postgres: a few threads of their own, so that one slow answer does not hold up every socket.

A thread gives its connection back after each question: an open socket holds none.
"""

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from channels.db import database_sync_to_async
from django.db import connection

P = ParamSpec("P")
R = TypeVar("R")

# Below the web process's pool of connections, which requests need too.
_THREADS = ThreadPoolExecutor(max_workers=4, thread_name_prefix="socket-db")


def in_thread(question: Callable[P, R]) -> Callable[P, Awaitable[R]]:
    """Return `question`, a function that reads or writes Postgres, as a coroutine function."""

    def asked(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return question(*args, **kwargs)
        finally:
            connection.close()

    answer: Callable[P, Awaitable[R]] = database_sync_to_async(asked, thread_sensitive=False, executor=_THREADS)
    return answer
