"""The network between browser and server, and between server and Postgres: cut, slow, starved."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.faults.proxy import Proxy
from tests.faults.world import SHORTENED, World

# A PUT has some 700 bytes of headers and 700 or more of body; an answer has some 400 bytes.
UP = (1, 40, 300, 600, 750, 900, 1_050, 1_200)
DOWN = (1, 2, 12, 60, 200, 350)


@pytest.fixture
def proxy(world: World) -> Iterator[Proxy]:
    """A proxy in front of the stack, in fair weather."""
    proxy = Proxy(world.stack.url)
    yield proxy
    proxy.close()


def test_cut_at_any_byte_on_the_way_up_leaves_no_half_chunk(world, proxy):
    browser = world.browser(320)
    run = browser.begin()
    browser.url = proxy.url
    for chunk, offset in zip(browser.cut(run, 40), UP, strict=True):
        browser.reconnect()
        proxy.weather.cut_up = [offset]
        browser.put(run, chunk)
    browser.finish(run)
    assert proxy.cuts == len(UP)
    world.verify()


def test_cut_at_any_byte_of_the_answer_is_harmless(world, proxy):
    browser = world.browser(240)
    run = browser.begin()
    browser.url = proxy.url
    for chunk, offset in zip(browser.cut(run, 40), DOWN, strict=True):
        browser.reconnect()
        proxy.weather.cut_down = [offset]
        browser.put(run, chunk)
    browser.finish(run)
    assert proxy.cuts == len(DOWN)
    assert 0 in browser.status_of_puts()
    world.verify()


def test_two_seconds_of_latency_only_take_time(world, proxy):
    browser = world.browser(30)
    browser.url, proxy.weather.latency = proxy.url, 1.0
    browser.migrate()
    world.verify()


def test_ten_kilobytes_a_second_only_take_time(world, proxy):
    browser = world.browser(300)
    browser.url, proxy.weather.rate = proxy.url, 10_000
    browser.migrate(per_chunk=150)
    assert proxy.bytes_up > 8_000
    world.verify()


def test_slow_bodies_starve_nobody(world):
    where = urlsplit(world.stack.url)
    head = b"PUT /api/v1/runs/x/chunks/y HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nhalf"
    slow = [socket.create_connection((where.hostname, where.port)) for _ in range(40)]
    try:
        for one in slow:
            one.sendall(head)
        browser = world.browser(120, patience=20.0)
        browser.migrate()
    finally:
        for one in slow:
            one.close()
    world.verify()


@pytest.mark.parametrize("seconds", [0.06, pytest.param(0.5, marks=[pytest.mark.soak, pytest.mark.timeout(600)])])
def test_a_distant_postgres_only_takes_time(world, seconds):
    near = world.stack.database_url
    between = Proxy(near)
    between.weather.latency = seconds / 2  # each way
    browser = world.browser(240, patience=300.0, timeout=30.0)
    try:
        # A batch half a second away takes longer than these tests' leases, a connection longer than a pool waits.
        world.reconfigure(DATABASE_URL=between.to(near), MIGRATION_LEASE_SECONDS="45", MIGRATION_POOL_TIMEOUT="30")
        with world.recovery(f"a run {seconds} s from Postgres"):
            browser.migrate(per_chunk=120)
    finally:
        usual = {"MIGRATION_LEASE_SECONDS": SHORTENED["MIGRATION_LEASE_SECONDS"], "MIGRATION_POOL_TIMEOUT": "5"}
        world.reconfigure(DATABASE_URL=near, **usual)
        between.close()
    assert {answer.status for answer in browser.answers} <= {200, 201, 202}
    world.verify()
