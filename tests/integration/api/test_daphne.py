"""What only the real ASGI server can show: pooled connections, CORS from the event loop, long polls, bounded bodies."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from uuid import uuid4

import httpx
import pytest
from django.db import connection

from migration.api.cors import DOUBTED_SECONDS
from migration.models import MigrationRun
from tests.factories.doors import ORIGIN, Browser, Tenant, account, make_tenant
from tests.factories.servers import daphne
from tests.factories.uploads import chunk_of, manifest_of, todos

POOL = 4
Web = Callable[[str, Browser], httpx.Client]


@pytest.fixture
def tenant(transactional_db: None) -> Tenant:
    return make_tenant()


@pytest.fixture
def address(tenant: Tenant) -> Iterator[str]:
    with daphne(MIGRATION_POOL_MAX=str(POOL), MIGRATION_POOL_MIN="1", MIGRATION_POOL_TIMEOUT="30") as address:
        yield address


@pytest.fixture
def web() -> Iterator[Web]:
    """Makes HTTP clients that carry a browser's headers, and closes them."""
    with ExitStack() as clients:

        def make(address: str, browser: Browser) -> httpx.Client:
            client = httpx.Client(base_url=f"{address}/api/v1", headers=browser.headers(), timeout=30)
            return clients.enter_context(client)

        yield make


def backends() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s",
            ["syncserver-web"],
        )
        return int(cursor.fetchone()[0])


def preflight(address: str, origin: str) -> str | None:
    """Ask whether pages of `origin` may send something; return the origin the answer names."""
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    answer = httpx.options(f"{address}/api/v1/runs", headers=headers, timeout=30)
    assert answer.status_code == 200
    return answer.headers.get("Access-Control-Allow-Origin")


class TestDaphne:
    def test_serves_a_run_many_requests_and_many_waits_from_a_few_backends(
        self, address: str, tenant: Tenant, web: Web
    ) -> None:
        browser, entries = account(tenant), todos(50)
        client = web(address, browser)
        manifest = manifest_of(entries)
        run_id = "11111111-2222-4333-8444-555555555555"
        created = client.post("/runs", json={"id": run_id, "manifest": manifest}, headers={"Origin": ORIGIN})
        assert created.status_code == 201, created.text
        assert created.headers["Access-Control-Allow-Origin"] == ORIGIN
        chunk = chunk_of(entries)
        put = client.put(
            f"/runs/{run_id}/chunks/{chunk.id}",
            content=chunk.body,
            headers={**chunk.headers(), "Content-Type": "application/x-ndjson"},
        )
        assert put.status_code == 201, put.text

        most, done = [0], threading.Event()

        def watch() -> None:
            while not done.is_set():
                most[0] = max(most[0], backends())
                time.sleep(0.02)
            connection.close()

        watcher = threading.Thread(target=watch)
        watcher.start()
        # Three times as many waits as the pool has connections, and requests going on beside them.
        with ThreadPoolExecutor(POOL * 3 + 8) as pool:
            waits = [pool.submit(client.get, f"/runs/{run_id}/receipt?wait=2") for _ in range(POOL * 3)]
            shows = [pool.submit(client.get, f"/runs/{run_id}") for _ in range(200)]
            assert {show.result().status_code for show in shows} == {200}
            assert {wait.result().status_code for wait in waits} == {202}
        done.set()
        watcher.join()
        assert 1 <= most[0] <= POOL

    def test_a_wait_ends_soon_after_the_receipt_is_there(self, address: str, tenant: Tenant, web: Web) -> None:
        # The machine may hold any of them up: the quickest counts.
        times = [self.waited(web(address, account(tenant))) for _ in range(3)]
        assert 0.5 <= min(times) < 2.0

    @staticmethod
    def waited(client: httpx.Client) -> float:
        """Wait for a receipt that comes half a second later; return the seconds until it was answered."""
        run_id = str(uuid4())
        assert client.post("/runs", json={"id": run_id, "manifest": manifest_of({})}).status_code == 201

        def decide() -> None:
            time.sleep(0.5)
            MigrationRun.objects.filter(id=run_id).update(state="completed", receipt="a.b.c", statement={"run": run_id})
            connection.close()

        deciding = threading.Thread(target=decide)
        began = time.monotonic()
        deciding.start()
        answer = client.get(f"/runs/{run_id}/receipt?wait=10")
        took = time.monotonic() - began
        deciding.join()
        assert (answer.status_code, answer.json()["receipt"]) == (200, "a.b.c")
        return took

    def test_origins_are_known_from_the_first_preflight_on(self, address: str) -> None:
        assert preflight(address, ORIGIN) == ORIGIN
        assert [preflight(address, origin) for origin in ("https://evil.example", "null")] == [None, None]

    def test_an_origin_that_was_refused_is_known_soon_after_it_is_listed(self, address: str) -> None:
        # The machine may hold any of them up: the quickest counts.
        times = [self.known_after(address, f"https://other-{number}.example") for number in range(3)]
        assert min(times) < 2 * DOUBTED_SECONDS

    @staticmethod
    def known_after(address: str, other: str) -> float:
        """See an origin refused, list it, and return the seconds until it is known."""
        assert [preflight(address, origin) for origin in (ORIGIN, other)] == [ORIGIN, None]
        make_tenant(origins=[other])
        began = time.monotonic()
        while preflight(address, other) is None:
            assert time.monotonic() - began < 60
            time.sleep(0.05)
        return time.monotonic() - began

    def test_a_body_without_a_length_is_bounded_too(self, address: str, tenant: Tenant) -> None:
        def endless() -> Iterator[bytes]:
            for _ in range(4):
                yield b" " * 1_000_000

        headers = {**account(tenant).headers(), "Content-Type": "application/json"}
        answer = httpx.post(f"{address}/api/v1/runs", content=endless(), headers=headers, timeout=30)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
