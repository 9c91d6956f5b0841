"""A pooled connection remembers nobody: not after errors, not after browsers that went away in the middle."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from django.db import connection

from tests.factories.doors import Browser, Tenant, account, guest_id, make_tenant
from tests.factories.servers import daphne

ROUNDS = 15


@pytest.fixture
def tenant(transactional_db: None) -> Tenant:
    return make_tenant()


@pytest.fixture
def address(tenant: Tenant) -> Iterator[str]:
    # One connection for everybody: whatever is left on it, the next one has.
    with daphne(MIGRATION_POOL_MAX="1", MIGRATION_POOL_MIN="1", MIGRATION_ADDRESS_REFUSALS_PER_MINUTE="0") as address:
        yield address


def leave_in_the_middle(address: str, browser: Browser) -> None:
    """Ask, and hang up before the answer can have come."""
    at = urlsplit(address)
    headers = "".join(f"{name}: {value}\r\n" for name, value in browser.headers().items())
    with socket.create_connection((str(at.hostname), int(at.port or 0)), timeout=10) as wire:
        wire.sendall(f"GET /api/v1/backups HTTP/1.1\r\nHost: {at.netloc}\r\n{headers}\r\n".encode())
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def test_a_pooled_connection_remembers_nobody(address: str, tenant: Tenant) -> None:
    mine, theirs, other = account(tenant), account(tenant), make_tenant()
    with httpx.Client(base_url=f"{address}/api/v1", timeout=30) as web:
        points = {}
        for browser in (mine, theirs):
            made = web.post("/rollback-points", json={"name": "here"}, headers=browser.headers())
            points[browser.token] = made.json()["id"]
        for number in range(ROUNDS):
            leave_in_the_middle(address, mine)
            broken = web.post(
                "/rollback-points", content=b"{", headers=mine.headers({"Content-Type": "application/json"})
            )
            assert broken.status_code == 400
            # Neither of these has an owner: under somebody's role they would find nothing and may write nothing.
            assert web.get("/config", headers={"Migration-App": other.key}).status_code == 200, number
            opened = web.post("/sessions", json={"app_key": other.key, "guest": guest_id()})
            assert opened.status_code == 200, (number, opened.text)
            for browser in (theirs, mine):
                listed = web.get("/rollback-points", headers=browser.headers()).json()["points"]
                assert [one["id"] for one in listed] == [points[browser.token]], number


def test_connections_the_server_has_ended_are_replaced_unnoticed(address: str, tenant: Tenant) -> None:
    mine = account(tenant)
    with httpx.Client(base_url=f"{address}/api/v1", timeout=30, headers=mine.headers()) as web:
        for _ in range(3):
            assert web.get("/rollback-points").status_code == 200
            assert ended_by_the_server() > 0
            assert web.get("/rollback-points").status_code == 200


def ended_by_the_server() -> int:
    """End the server's side of all connections of web processes; return how many there were."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
               WHERE datname = current_database() AND application_name = 'syncserver-web'"""
        )
        return int(cursor.fetchone()[0])
