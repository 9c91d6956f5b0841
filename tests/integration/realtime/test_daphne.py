"""The sockets of a real daphne: the close codes a browser sees, and what stays behind in Postgres."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from redis import Redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from migration.events import Message
from migration.lifecycle import issue_ticket
from migration.models import MigrationRun
from migration.progress import announce
from migration.progress.voice import run_group
from tests.factories.loads import make_app, make_device, make_owner, make_run
from tests.factories.servers import daphne
from tests.integration.realtime.relay import Relay
from tests.integration.realtime.sockets import ORIGIN, PROTOCOL

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.stack]

NAME = "syncserver-web"
PREFIX = settings.CHANNEL_LAYERS["default"]["CONFIG"]["prefix"]
_BACKENDS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND datname = %s"


@pytest.fixture(name="base")
def _base() -> Iterator[str]:
    """The address of a daphne of the test's own on the test's database."""
    with daphne(MIGRATION_CHANNEL_PREFIX=PREFIX) as address:
        yield address.replace("http", "ws")


def watched_run() -> MigrationRun:
    return make_run(make_device(make_owner(make_app(allowed_origins=[ORIGIN]))), entries_total=1_000)


def dial(base: str, run: MigrationRun, ticket: str, origin: str = ORIGIN) -> Any:
    protocols: Any = [PROTOCOL, f"ticket.{ticket}"]
    return connect(f"{base}/ws/v1/runs/{run.id}", subprotocols=protocols, origin=origin, open_timeout=20)  # type: ignore[arg-type]


def tickets_for(run: MigrationRun, count: int) -> list[str]:
    return [issue_ticket(owner_id=run.owner_id, run_id=run.id, at=timezone.now()) for _ in range(count)]


def await_listener(run: MigrationRun) -> None:
    """Wait until a process listens for what is said of the run."""
    deadline = time.monotonic() + 30
    with Redis.from_url(settings.REDIS_URL) as redis:
        while not redis.pubsub_numsub(f"{PREFIX}__group__{run_group(run.id)}")[0][1]:
            assert time.monotonic() < deadline, "nobody listens again"
            time.sleep(0.1)


async def read(page: ClientConnection) -> dict[str, Any]:
    return dict(msgspec.json.decode(await asyncio.wait_for(page.recv(), 10)))


async def code_of(page: ClientConnection) -> int | None:
    try:
        await read(page)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None
    return None


def test_shows_a_page_snapshot_then_events_and_tells_others_why_not(base: str) -> None:
    run = watched_run()
    ticket, foreign = tickets_for(run, 2)

    def proceed() -> None:
        with transaction.atomic():
            MigrationRun.objects.filter(id=run.id).update(entries_received=10)
            announce(run.id, Message.PROGRESS)
        connection.close()

    async def story() -> None:
        async with dial(base, run, ticket) as page:
            assert page.subprotocol == PROTOCOL
            assert (await read(page))["type"] == "snapshot"
            await asyncio.to_thread(proceed)
            assert (await read(page))["run"]["entries"]["received"] == 10
            async with dial(base, run, ticket) as used_twice:
                assert await code_of(used_twice) == 4401
            async with dial(base, run, foreign, "https://evil.example.com") as elsewhere:
                assert await code_of(elsewhere) == 4403

    asyncio.run(story())


def test_of_fifty_pages_with_one_ticket_lets_in_exactly_one(base: str) -> None:
    run = watched_run()
    (ticket,) = tickets_for(run, 1)

    async def attempt() -> bool:
        async with dial(base, run, ticket) as page:
            return await code_of(page) is None

    async def story() -> list[bool]:
        return await asyncio.gather(*(attempt() for _ in range(50)))

    assert sum(asyncio.run(story())) == 1


def test_keeps_no_connection_to_postgres_for_an_open_socket(base: str) -> None:
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
        pages = await asyncio.gather(*(dial(base, run, ticket) for ticket in tickets))
        for page in pages:
            assert (await read(page))["type"] == "snapshot"
        count = await asyncio.to_thread(backends)
        await asyncio.gather(*(page.close() for page in pages))
        return count

    assert asyncio.run(story()) <= 4


class TestWithoutRedis:
    def test_a_page_is_told_by_and_by_and_at_once_again_when_redis_is_back(self) -> None:
        run = watched_run()

        def proceed(to: int) -> None:
            with transaction.atomic():
                MigrationRun.objects.filter(id=run.id).update(entries_received=to)
                announce(run.id, Message.PROGRESS)
            connection.close()

        async def told(page: ClientConnection, to: int, within: float) -> None:
            await asyncio.to_thread(proceed, to)
            async with asyncio.timeout(within):
                while (await read(page))["run"]["entries"]["received"] != to:
                    pass

        async def story(address: str, relay: Relay, ticket: str) -> None:
            async with dial(address.replace("http", "ws"), run, ticket) as page:
                assert (await read(page))["type"] == "snapshot"
                await told(page, 1, within=10)
                await asyncio.to_thread(relay.cut)
                await told(page, 2, within=30)
                await asyncio.to_thread(relay.mend)
                await asyncio.to_thread(await_listener, run)
                await told(page, 3, within=4)  # sooner than it looks by itself

        with (
            Relay(settings.REDIS_URL) as relay,
            daphne(MIGRATION_CHANNEL_PREFIX=PREFIX, REDIS_URL=relay.url) as address,
        ):
            (ticket,) = tickets_for(run, 1)
            asyncio.run(story(address, relay, ticket))
