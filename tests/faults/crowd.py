"""Many users at once: each moves its whole store in the request that creates the run, and comes back when told to."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from migration.config.tuning import FRESH_SECONDS
from tests.faults.browser import Browser, GaveUp, backoffs
from tests.faults.world import World

REFUSED = (429, 503)
AT_ONCE = 32
"""Threads of one test: a user who waits for an answer holds one."""


@dataclass
class User(Browser):
    """A browser that obeys Retry-After and needs four requests where nothing is in its way."""

    took: float = 0.0
    """Seconds from the first request to the receipt."""
    waits: list[float] = field(default_factory=list)

    def call(self, method: str, path: str, *, until: float | None = None, **request: Any) -> httpx.Response:
        """Send a request until it is answered with something that is not "later", as late as was asked for."""
        deadline = until or time.monotonic() + self.patience
        for wait in backoffs():
            response = self.once(method, path, **request)
            if response is not None and response.status_code not in (*REFUSED, 401, 500, 502, 504):
                return response
            if time.monotonic() > deadline:
                raise GaveUp(f"{method} {path}: {self.answers[-1]}")
            self.waits.append(float(self.answers[-1].retry_after or wait))
            time.sleep(self.waits[-1])
        raise AssertionError("there is always another attempt")

    def move(self) -> None:
        """Move everything and see the receipt."""
        began, run = time.monotonic(), str(uuid4())
        while not (self.token or self._sign_in()):
            self.waits.append(1.0)
            time.sleep(1.0)
        chunks = self.cut(run, len(self.store))
        body = {"id": run, "purpose": "migrate", "manifest": self.manifest(), "options": {}, "seal": True}
        answer = self.call("POST", "/runs", json={**body, "chunks": [one.inline() for one in chunks]})
        assert answer.status_code in (200, 201), answer.text
        self.runs.append(run)
        for one in chunks:
            self.note_acked(one)
        self.statements.append(self.receipt(run))
        self.took = time.monotonic() - began

    def statuses(self) -> list[int]:
        """Return what its requests were answered with."""
        return [one.status for one in self.answers]


def users(world: World, count: int, *, entries: int = 20, **fields: Any) -> list[User]:
    """Return so many new users in front of the stack."""
    made = [User(world.stack.url, **fields) for _ in range(count)]
    for one in made:
        one.write(entries)
    world.browsers += made
    return made


def arrive(crowd: Sequence[User], *, bursts: int = 1, every: float = 0.5) -> None:
    """Have them all move: in so many bursts, a pause between two. Raises what one of them met."""
    share = -(-len(crowd) // bursts)
    with ThreadPoolExecutor(min(AT_ONCE, len(crowd))) as pool:
        moving = []
        for first in range(0, len(crowd), share):
            moving += [pool.submit(one.move) for one in crowd[first : first + share]]
            time.sleep(every)
        for one in moving:
            one.result(600)


def p99(seconds: Sequence[float]) -> float:
    """Return the 99th percentile."""
    return sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * 0.99))]


@contextmanager
def tuned(world: World, **values: object) -> Iterator[None]:
    """Have settings be otherwise on the running stack, once every process has read them."""
    for name, value in values.items():
        world.execute("INSERT INTO migration_tuning VALUES (%s, %s, 'test', now())", name, str(value))
    time.sleep(2 * FRESH_SECONDS)  # what a process has read, and the room it has seen by that, it believes so long
    try:
        yield
    finally:
        world.execute("DELETE FROM migration_tuning WHERE name = ANY(%s)", list(values))


@contextmanager
def slow_disk(world: World, milliseconds: int) -> Iterator[None]:
    """Have every commit wait for the disk for so long (at most 100): the log is flushed that much later."""
    wanted = {"commit_delay": 1_000 * milliseconds, "commit_siblings": 0}
    for name, value in wanted.items():
        world.execute(f"ALTER SYSTEM SET {name} = {value}")
    world.execute("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        for name in wanted:
            world.execute(f"ALTER SYSTEM RESET {name}")
        world.execute("SELECT pg_reload_conf()")
