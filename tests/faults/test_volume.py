"""Many at once and little room: who comes too early is told when to come back, and everybody gets a receipt.

Small forms run always; with `make soak` the same crowds are as large as on the day an app is released.
"""

import shutil
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing
from itertools import chain
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.faults.browser import Browser
from tests.faults.crowd import REFUSED, User, arrive, p99, slow_disk, tuned, users
from tests.faults.flood import flooding
from tests.faults.world import World, until


def many(small: int, large: int) -> Any:
    """Return a small number always, a large one for `make soak`."""
    soak = [pytest.mark.soak, pytest.mark.timeout(7_200)]
    return pytest.mark.parametrize("count", [small, pytest.param(large, marks=soak)])


def refusals(crowd: list[User]) -> Counter[str]:
    return Counter(answer.code for one in crowd for answer in one.answers if answer.status in REFUSED)


def test_fifty_runs_at_once_queue_for_connections_and_none_fails(world: World) -> None:
    """A pool has 16 connections; whoever finds none waits for one, and is not told that there was none."""
    crowd = users(world, 50, timeout=60.0)
    started = threading.Barrier(50)

    def move(one: User) -> None:
        started.wait(30)
        one.move()

    threads = [threading.Thread(target=move, args=(one,)) for one in crowd]
    # On a machine that stalls the usual 5 s pass: whoever waits shall be refused by nothing but a pool without a queue.
    world.reconfigure(("web",), MIGRATION_POOL_TIMEOUT="30")
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
    finally:
        world.reconfigure(("web",), MIGRATION_POOL_TIMEOUT="5")

    assert [len(one.statements) for one in crowd] == [1] * 50
    assert max(status for one in crowd for status in one.statuses()) < 400
    assert min(status for one in crowd for status in one.statuses()) > 0
    world.verify()


@many(60, 10_000)
def test_release_day_comes_in_bursts_and_everybody_is_served(world: World, count: int) -> None:
    # Their requests are counted: they wait for a receipt as long as the SDK does.
    crowd = users(world, count, wait=10, timeout=60.0)

    arrive(crowd, bursts=max(4, count // 200))

    assert all(one.statements for one in crowd)
    needed = [len(one.answers) - len(one.waits) for one in crowd]
    assert sum(needed) <= 4 * count, "requests a user, those put off not counted"
    world.verify()


def is_refused(probe: Browser) -> bool:
    """Tell whether uploads find no room, by one that would be of no use: nothing is kept of it."""
    answer = probe.once("PUT", f"/runs/{uuid4()}/chunks/{uuid4()}", content=b"-")
    return answer is not None and answer.status_code == httpx.codes.SERVICE_UNAVAILABLE


@many(12, 500)
def test_who_finds_no_room_comes_back_when_told_to(world: World, count: int) -> None:
    crowd, free = users(world, count), shutil.disk_usage(tempfile.gettempdir()).free

    with tuned(world, ROOM_DISK_BYTES=int(2 * free), ROOM_SECONDS=0.2), closing(Browser(world.stack.url)) as probe:
        # A setting is read with the first upload after a while, and a breaker another test has opened is waited for.
        until(lambda: is_refused(probe), "there is no room", seconds=90)
        arriving = threading.Thread(target=arrive, args=(crowd,))
        arriving.start()
        until(lambda: refusals(crowd)["unavailable"] >= min(count, 12), "they find no room")
    arriving.join(600)

    assert all(one.statements for one in crowd)
    put_off = [answer for one in crowd for answer in one.answers if answer.status in REFUSED]
    assert all(float(answer.retry_after or 0) >= 1 for answer in put_off)
    assert len({answer.retry_after for answer in put_off}) > 1, "not all of them at the same moment"
    world.verify()


@many(8, 500)
def test_a_slow_disk_takes_time_and_nothing_else(world: World, count: int) -> None:
    crowd = users(world, count, patience=240.0)
    with slow_disk(world, 50), tuned(world, ROOM_COMMIT_SECONDS=0.2, ROOM_SECONDS=0.2):
        arrive(crowd)
    assert min(one.took for one in crowd) > 0.1, "it was slow"
    assert all(one.statements for one in crowd)
    assert not {"", "internal"} & refusals(crowd).keys()
    world.verify()


@pytest.mark.soak
@pytest.mark.timeout(1_800)
def test_a_flooding_app_makes_no_neighbours_p99_twice_as_long(world: World) -> None:
    """Nine apps of a few users each, alone and beside a tenth whose users never stop; both in this run."""
    apps = [_app(world) for _ in range(10)]

    def neighbours() -> list[float]:
        crowd = [one for app in apps[1:] for one in users(world, 12, app=app)]
        arrive(crowd, bursts=27, every=0.5)
        return [one.took for one in crowd]

    neighbours()  # whoever asks first waits for plans and pools
    alone: list[list[float]] = []
    beside: list[list[float]] = []
    for _ in range(5):  # in turns: the machine has moods
        alone.append(neighbours())
        with flooding(world.stack.url, apps[0]):
            time.sleep(3)
            beside.append(neighbours())
    times = p99([*chain(*beside)]) / p99([*chain(*alone)])
    print(f"p99 of neighbours, turn by turn: alone {_told(alone)}, beside a flood {_told(beside)}; {times:.2f} times")
    assert times <= 2
    world.verify()


def _told(turns: list[list[float]]) -> str:
    return " ".join(f"{p99(one):.2f}" for one in turns)


def _app(world: World) -> str:
    """Make another app like the demo; return its publishable key."""
    key = f"pk_crowd_{time.monotonic_ns()}"
    world.stack.manage(
        "shell",
        "-v",
        "0",
        "-c",
        "from migration.models import App; a = App.objects.get(publishable_key='pk_demo');"
        f"a.id, a.slug, a.publishable_key = __import__('uuid').uuid4(), '{key.replace('_', '-')}', '{key}';"
        "a._state.adding = True; a.save(force_insert=True)",
    )
    return key
