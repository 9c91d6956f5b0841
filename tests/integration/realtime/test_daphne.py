"""The sockets of a real daphne: the close codes a browser sees, and what stays behind in Postgres."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from migration.events import Message
from migration.lifecycle import issue_ticket
from migration.models import MigrationRun
from migration.progress import announce
from tests.factories.loads import make_app, make_device, make_owner, make_run
from tests.integration.realtime.sockets import ORIGIN, PROTOCOL

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.stack]

NAME = "syncserver-web"
_BACKENDS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND datname = %s"


def database_url() -> str:
    given = connection.settings_dict
    login = f"{given['USER']}:{given['PASSWORD']}" if given["PASSWORD"] else given["USER"]
    return f"postgresql://{login}@/{given['NAME']}?host={given['HOST']}&port={given['PORT'] or 5432}"


@pytest.fixture
def daphne() -> Iterator[str]:
    """The address of a daphne of the test's own on the test's database."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "REDIS_URL": settings.REDIS_URL,
        "MIGRATION_CHANNEL_PREFIX": settings.CHANNEL_LAYERS["default"]["CONFIG"]["prefix"],
    }
    server = subprocess.Popen([sys.executable, "-m", "syncserver.serve", "-b", "127.0.0.1", "-p", str(port)], env=env)
    try:
        _wait_for(port, server)
        yield f"ws://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert server.poll() is None, "daphne ended"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("daphne did not answer")


def watched_run() -> MigrationRun:
    return make_run(make_device(make_owner(make_app(allowed_origins=[ORIGIN]))), entries_total=1_000)


def dial(base: str, run: MigrationRun, ticket: str, origin: str = ORIGIN) -> Any:
    protocols: Any = [PROTOCOL, f"ticket.{ticket}"]
    return connect(f"{base}/ws/v1/runs/{run.id}", subprotocols=protocols, origin=origin, open_timeout=20)  # type: ignore[arg-type]


def tickets_for(run: MigrationRun, count: int) -> list[str]:
    return [issue_ticket(owner_id=run.owner_id, run_id=run.id, at=timezone.now()) for _ in range(count)]


async def read(page: ClientConnection) -> dict[str, Any]:
    return dict(msgspec.json.decode(await asyncio.wait_for(page.recv(), 10)))


async def code_of(page: ClientConnection) -> int | None:
    try:
        await read(page)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None
    return None


def test_shows_a_page_snapshot_then_events_and_tells_others_why_not(daphne: str) -> None:
    run = watched_run()
    ticket, foreign = tickets_for(run, 2)

    def proceed() -> None:
        with transaction.atomic():
            MigrationRun.objects.filter(id=run.id).update(entries_received=10)
            announce(run.id, Message.PROGRESS)
        connection.close()

    async def story() -> None:
        async with dial(daphne, run, ticket) as page:
            assert page.subprotocol == PROTOCOL
            assert (await read(page))["type"] == "snapshot"
            await asyncio.to_thread(proceed)
            assert (await read(page))["run"]["entries"]["received"] == 10
            async with dial(daphne, run, ticket) as used_twice:
                assert await code_of(used_twice) == 4401
            async with dial(daphne, run, foreign, "https://evil.example.com") as elsewhere:
                assert await code_of(elsewhere) == 4403

    asyncio.run(story())


def test_of_fifty_pages_with_one_ticket_lets_in_exactly_one(daphne: str) -> None:
    run = watched_run()
    (ticket,) = tickets_for(run, 1)

    async def attempt() -> bool:
        async with dial(daphne, run, ticket) as page:
            return await code_of(page) is None

    async def story() -> list[bool]:
        return await asyncio.gather(*(attempt() for _ in range(50)))

    assert sum(asyncio.run(story())) == 1


def test_keeps_no_connection_to_postgres_for_an_open_socket(daphne: str) -> None:
    run = watched_run()
    tickets = tickets_for(run, 40)

    def backends() -> int:
        try:
            with connection.cursor() as cursor:
                cursor.execute(_BACKENDS, [NAME, connection.settings_dict["NAME"]])
                return int(cursor.fetchone()[0])
        finally:
            connection.close()

    async def story() -> int:
        pages = await asyncio.gather(*(dial(daphne, run, ticket) for ticket in tickets))
        for page in pages:
            assert (await read(page))["type"] == "snapshot"
        count = await asyncio.to_thread(backends)
        await asyncio.gather(*(page.close() for page in pages))
        return count

    assert asyncio.run(story()) <= 4
