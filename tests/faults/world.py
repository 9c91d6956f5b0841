"""The whole stack for one module of tests: arm faults, break servers, wait, and check what came of it."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import redis
from django.conf import settings
from rq import Queue
from rq.serializers import JSONSerializer

from migration.config import encryption_keys
from migration.dispatch import QUEUE
from migration.dispatch.bell import JOB
from migration.extraction import DataExtractor
from migration.values.lines import decode_line, decode_lines, text_of
from syncserver.stack import Stack
from tests.faults.browser import Browser, Write
from tests.faults.checker import Loser, Refused, Seen, Version, check

RECOVERY = 60.0
"""Seconds within which everything goes on after a fault."""
SHORTENED = {
    "MIGRATION_SWEEP_SECONDS": "0.5",
    "MIGRATION_LEASE_SECONDS": "3",
    "MIGRATION_REQUESTS_PER_MINUTE": "100000",
    "MIGRATION_GUEST_REQUESTS_PER_MINUTE": "100000",
    "MIGRATION_GUEST_SESSIONS_PER_MINUTE": "100000",
    "LOG_LEVEL": "WARNING",
}
VERBATIM = 1


class Arms:
    """The file a stack's processes read armed faults from, and the folder in which they remember what has fired."""

    def __init__(self, folder: Path) -> None:
        self._file, self.once = folder / "armed", folder / "fired"
        self.say("")

    @property
    def env(self) -> dict[str, str]:
        """What tells the processes of them."""
        return {"MIGRATION_FAULTS": f"@{self._file}", "MIGRATION_FAULTS_ONCE": str(self.once)}

    def say(self, faults: str) -> None:
        """Put another text in the file's place, which nobody ever sees half written."""
        new = self._file.with_suffix(".new")
        new.write_text(faults)
        new.replace(self._file)


class World:
    """A stack, the browsers in front of it, and the means to hurt it."""

    def __init__(self, stack: Stack, arms: Arms) -> None:
        self.stack, self._arms = stack, arms
        self.browsers: list[Browser] = []
        self.times: list[tuple[str, float]] = []
        self._env = dict(stack.project.env)

    # --- browsers --------------------------------------------------------------------------------------------

    def browser(self, entries: int = 0, **fields: Any) -> Browser:
        """Return a new guest's browser with so many entries in its store."""
        browser = Browser(self.stack.url, **fields)
        browser.write(entries)
        self.browsers.append(browser)
        return browser

    def together(self, *works: Callable[[], Any], seconds: float = 120.0) -> list[Any]:
        """Do several things at once and return what they return."""
        with ThreadPoolExecutor(len(works)) as pool:
            return [future.result(seconds) for future in [pool.submit(work) for work in works]]

    def send_home(self) -> None:
        """Close every browser and forget it."""
        for browser in self.browsers:
            browser.close()
        self.browsers = []

    # --- faults ----------------------------------------------------------------------------------------------

    @contextmanager
    def armed(self, faults: str, *, once: bool = True) -> Iterator[None]:
        """Arm these faults in every process while the block runs; each fires once, or in each process anew."""
        if once:
            self._arms.once.mkdir()
        for child in self.stack.processes.values():
            child.failures = 0  # who died in other tests has not to wait longer for it here
        self._arms.say(faults)
        try:
            yield
        finally:
            self._arms.say("")
            shutil.rmtree(self._arms.once, ignore_errors=True)

    def reconfigure(self, parts: Sequence[str] = ("web", "worker-0", "worker-1"), **env: str) -> None:
        """Start `parts` anew with another environment, which every later start has too."""
        self._env = {**self._env, **env}
        self._renew(parts, self._env)

    def _fired(self, point: str) -> bool:
        """Tell whether an armed fault has fired."""
        return any(path.name.startswith(f"{point}-") for path in self._arms.once.iterdir())

    def await_fired(self, *points: str) -> None:
        """Wait until each of these armed faults has fired.

        Not asked at once: what a process commits is seen before it comes to the point behind the commit.
        """
        for point in points:
            until(lambda point=point: self._fired(point), f"{point} fires")

    def _renew(self, parts: Sequence[str], env: dict[str, str]) -> None:
        self.stack.project.env = env
        for name in parts:
            child = self.stack.processes[name]
            # One that is just being started may have been given the old environment: it must run, and be killed too.
            until(lambda child=child: child.running, f"{name} runs")
            before = child.process
            self.stack.kill(name)
            child.failures, child.retry_at = 0, 0.0
            until(lambda child=child, before=before: child.running and child.process is not before, f"{name} is back")
        for name in parts:
            self.stack.wait_ready(name)

    def kill(self, name: str, number: int = 9) -> None:
        """Kill a process (as soon as it runs); the nursery starts it again at once."""
        child = self.stack.processes[name]
        until(lambda: child.running, f"{name} runs")
        child.failures = 0
        self.stack.kill(name, number)

    @contextmanager
    def down(self, name: str, number: int = 9) -> Iterator[None]:
        """Keep a server down while the block runs; it is ready again afterwards."""
        child = self.stack.processes[name]
        until(lambda: child.running, f"{name} runs")
        child.auto_restart = False
        self.stack.kill(name, number)
        until(lambda: not child.running, f"{name} is down")
        try:
            yield
        finally:
            child.auto_restart = True
            self.stack.start(name)

    def flush_redis(self) -> None:
        """Empty Redis, once it has read back what it had written."""
        with redis.from_url(self.stack.redis_url) as connection:
            until(lambda: _answers(connection), "Redis answers")
            connection.flushall()

    def ring(self, times: int = 1) -> None:
        """Deliver a bell so many times, whatever is queued already."""
        with redis.from_url(self.stack.redis_url) as connection:
            bells = Queue(QUEUE, connection=connection, serializer=JSONSerializer)
            for _ in range(times):
                bells.enqueue(JOB, result_ttl=0, job_timeout=-1)

    # --- waiting ---------------------------------------------------------------------------------------------

    @contextmanager
    def recovery(self, what: str, *, faults: int = 1) -> Iterator[None]:
        """Measure how long it takes from the fault's end until the block is done; more than 60 s for each fails."""
        began = time.monotonic()
        yield
        seconds = time.monotonic() - began
        self.times.append((what, seconds))
        print(f"recovery: {what}: {seconds:.2f} s")
        assert seconds < RECOVERY * faults, f"{what} took {seconds:.1f} s"

    def tell_times(self) -> None:
        """Print how long each fault was recovered from, the slowest first."""
        for what, seconds in sorted(self.times, key=lambda one: -one[1]):
            print(f"recovery {seconds:6.2f} s  {what}")

    # --- what the tables hold --------------------------------------------------------------------------------

    def connect(self) -> psycopg.Connection[Any]:
        """Return a connection of the test's own."""
        return psycopg.connect(self.stack.database_url, autocommit=True, connect_timeout=5)

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Ask Postgres."""
        with self.connect() as connection:
            return connection.execute(sql, parameters).fetchall()

    def execute(self, sql: str, *parameters: Any) -> None:
        """Tell Postgres."""
        with self.connect() as connection:
            connection.execute(sql, parameters)

    def loaded(self, run: str) -> int:
        """Return how many chunks of a run are loaded."""
        return int(self.query("SELECT count(*) FROM migration_chunk WHERE run_id = %s AND state = 'loaded'", run)[0][0])

    def end_backends(self, part: str) -> int:
        """Have Postgres end the connections of the workers (or web, sweeper); return how many."""
        rows = self.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", f"syncserver-{part}"
        )
        return len(rows)

    def seen(self) -> Seen:
        """Read all that can be seen from outside."""
        owners = [browser.owner for browser in self.browsers if browser.owner]
        with self.connect() as connection:
            return _read(connection, sorted(set(owners)), self.browsers)

    def verify(self) -> None:
        """Assert that nothing is lost, duplicated, altered or made up, and that no lease is left behind."""
        problems = check(self.seen())
        assert not problems, "\n".join(map(str, problems[:20]))


def until(condition: Callable[[], Any], what: str, *, seconds: float = 30.0, step: float = 0.02) -> Any:
    """Ask again and again until the condition holds and return its answer; fails when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"waited {seconds} s in vain: {what}"
        time.sleep(step)


def _answers(connection: "redis.Redis") -> bool:
    try:
        return bool(connection.ping())
    except (redis.BusyLoadingError, redis.ConnectionError):
        return False


@contextmanager
def a_world(**options: Any) -> Iterator[World]:
    """Start a stack of its own and return the world around it; says at the end how long recoveries took."""
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        arms = Arms(Path(folder))
        env = {"SECRET_KEY": settings.SECRET_KEY, **SHORTENED, **arms.env, **options.pop("env", {})}
        with Stack(env=env, say=lambda _line: None, **{"workers": 2, **options}) as stack:
            yield World(stack, arms)


_VERSION = "owner_id::text, key_json, form, value::text, revision, seq, device_id::text, run_id::text"


def _value(form: int, text: str | None) -> str | None:
    return text if text is None or form == VERBATIM else text_of(text)


def _read(connection: psycopg.Connection[Any], owners: list[str], browsers: Sequence[Browser]) -> Seen:
    def rows(sql: str) -> list[tuple[Any, ...]]:
        return connection.execute(sql, [owners]).fetchall()

    keys = dict(rows("SELECT id::text, key::text FROM migration_device WHERE owner_id = ANY(%s::uuid[])"))
    seen = Seen(
        sent=[write for browser in browsers for write in browser.sent],
        acked=[write for browser in browsers for write in browser.acked],
        stores={(browser.owner, browser.device): browser.store for browser in browsers if browser.statements},
        statements=[statement for browser in browsers for statement in browser.statements],
    )
    for table, until_column, place in (
        ("migration_record", "NULL", seen.records),
        ("migration_record_version", "superseded_by", seen.history),
    ):
        for owner, key, form, value, revision, seq, device, run, ends in rows(
            f"SELECT {_VERSION}, {until_column} FROM {table} WHERE owner_id = ANY(%s::uuid[])"
        ):
            place.append(Version(owner, text_of(key), _value(form, value), revision, seq, keys.get(device), run, ends))
    seen.losers = [
        Loser(owner, text_of(key), _value(form, value), revision)
        for owner, key, form, value, revision in rows(
            "SELECT owner_id::text, key_json, loser_form, loser_value::text, record_revision"
            " FROM migration_conflict WHERE owner_id = ANY(%s::uuid[])"
        )
    ]
    for owner, run, chunk, ordinal, line in rows(
        "SELECT q.owner_id::text, q.run_id::text, c.key::text, q.ordinal, q.line FROM migration_quarantineentry q"
        " JOIN migration_chunk c ON c.id = q.chunk_id WHERE q.owner_id = ANY(%s::uuid[])"
    ):
        entry = decode_line(bytes(line))
        seen.refused.append(Refused(owner, run, chunk, ordinal, entry.key, entry.value))
    seen.backups = list(_backups(connection, owners, keys))
    seen.revisions = dict(rows("SELECT id::text, revision FROM migration_owner WHERE id = ANY(%s::uuid[])"))
    names = ("received", "processed", "stored", "unchanged", "superseded", "conflict", "quarantined")
    columns = ", ".join(f"entries_{name}" for name in names)
    for run, *counts in rows(
        f"SELECT id::text, {columns} FROM migration_migrationrun WHERE owner_id = ANY(%s::uuid[])"
    ):
        seen.runs[run] = dict(zip(names, counts, strict=True))
    return seen


def _backups(connection: psycopg.Connection[Any], owners: list[str], keys: dict[str, str]) -> Iterator[Write]:
    extractor = DataExtractor(keys=encryption_keys())
    fields = (
        *("app_id", "owner_id", "run_id", "seq", "sha256", "encoding"),
        *("payload_bytes", "sealed_payload", "wrapped_key"),
    )
    columns = ", ".join(f"c.{name}" for name in fields)
    cursor = connection.execute(
        f"SELECT c.key::text, r.device_id::text, {columns}"
        " FROM migration_chunk c JOIN migration_migrationrun r ON r.id = c.run_id WHERE c.owner_id = ANY(%s::uuid[])",
        [owners],
    )
    for key, device, *row in cursor:
        chunk = SimpleNamespace(**dict(zip(fields, row, strict=True)))
        owner, run = str(chunk.owner_id), str(chunk.run_id)
        for ordinal, line in enumerate(decode_lines(extractor.open_payload(chunk))):
            yield Write(owner, keys[device], run, key, chunk.seq, ordinal, line.key, line.value)
