"""What is measured: the upload of large stores, and release day's many small ones."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue

import psycopg

from tests.benchmarks.wire import Browser, ReadyRun

APP_KEY = "pk_demo"
SHARED_ENV = {
    "MIGRATION_REQUESTS_PER_MINUTE": "10000000",
    "MIGRATION_GUEST_REQUESTS_PER_MINUTE": "10000000",
    "MIGRATION_GUEST_SESSIONS_PER_MINUTE": "10000000",
    "MIGRATION_ADDRESS_REQUESTS_PER_MINUTE": "10000000",
    "MIGRATION_GUEST_ENTRIES_PER_DAY": "0",
    "MIGRATION_GUEST_BYTES_PER_DAY": "0",
    "SECRET_KEY": "benchmarks-run-on-throw-away-servers-only-0123456789",
}
_STORED = """
SELECT sha256(convert_to('[' || r.key_json || ',' ||
       CASE r.form WHEN 1 THEN to_json(r.value::text)::text ELSE r.value::text END || ']', 'UTF8'))
FROM migration_record r WHERE r.run_id = ANY(%s::uuid[])
"""


@dataclass(frozen=True)
class Measured:
    """One round: how many a second, and every answer's time by kind of request."""

    per_second: float
    took: list[tuple[str, float]]
    requests: int


def upload(url: str, runs: list[ReadyRun], *, connections: int) -> Measured:
    """Bring all runs to their receipts over `connections` connections; records per second, receipts included."""
    sessions = {run.id: Browser(url).guest(APP_KEY) for run in runs}  # not timed: it is no part of an upload
    return _race(
        url,
        runs,
        connections,
        lambda browser, run: browser.migrate(run, sessions[run.id]),
        sum(r.entries for r in runs),
    )


def release_day(url: str, runs: list[ReadyRun], *, connections: int) -> Measured:
    """Migrate whole users, their sessions included; users per second."""
    return _race(url, runs, connections, lambda browser, run: browser.migrate(run, browser.guest(APP_KEY)), len(runs))


def _race(
    url: str, runs: list[ReadyRun], connections: int, do: Callable[[Browser, ReadyRun], None], amount: int
) -> Measured:
    """Let `connections` browsers take run after run; raise what one of them met."""
    waiting: SimpleQueue[ReadyRun] = SimpleQueue()
    for run in runs:
        waiting.put(run)
    browsers = [Browser(url) for _ in range(connections)]
    started = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        for driven in [pool.submit(_drive, browser, waiting, do) for browser in browsers]:
            driven.result()
    took = time.perf_counter() - started
    answers = [answer for browser in browsers for answer in browser.took]
    return Measured(amount / took, answers, len(answers))


def _drive(browser: Browser, waiting: SimpleQueue[ReadyRun], do: Callable[[Browser, ReadyRun], None]) -> None:
    while True:
        try:
            run = waiting.get_nowait()
        except Empty:
            return
        do(browser, run)


def compare_contents(database_url: str, runs: list[ReadyRun]) -> None:
    """Read every record back and compare its bytes' fingerprint. Raises AssertionError; a count would not do."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(_STORED, [[run.id for run in runs]]).fetchall()
    expected: list[bytes] = sorted(one for run in runs for one in run.fingerprints)
    if sorted(bytes(row[0]) for row in rows) != expected:
        raise AssertionError(f"{len(rows)} records stored do not equal {len(expected)} sent")
