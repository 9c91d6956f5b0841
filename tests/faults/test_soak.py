"""Everything at once, for as long as MIGRATION_SOAK_SECONDS says: users come and go while all that can break breaks."""

import os
import random
import signal
import threading
import time

import pytest

from tests.faults.browser import Browser
from tests.faults.world import World

SECONDS = float(os.environ.get("MIGRATION_SOAK_SECONDS", "600"))
USERS_AT_ONCE = 6


def _nemeses(world: World) -> dict[str, object]:
    return {
        "worker killed": lambda: world.kill(random.choice(["worker-0", "worker-1"])),
        "sweeper killed": lambda: world.kill("sweeper"),
        "web killed": lambda: world.kill("web"),
        "web ended": lambda: world.kill("web", signal.SIGTERM),
        "Redis flushed": world.flush_redis,
        "Redis killed": lambda: world.kill("redis"),
        "workers' backends ended": lambda: world.end_backends("worker"),
        "web's backends ended": lambda: world.end_backends("web"),
        "Postgres killed": lambda: world.kill("postgres"),
        "Postgres stopped at once": lambda: world.kill("postgres", signal.SIGQUIT),
        "ten bells": lambda: world.ring(10),
    }


@pytest.mark.soak
@pytest.mark.timeout(SECONDS + 600)
def test_users_migrate_while_everything_breaks(world):
    over = time.monotonic() + SECONDS
    stop = threading.Event()
    broke: list[str] = []

    def user(number: int) -> int:
        """Come, migrate, write on, migrate again, and make room for the next."""
        choice, moved = random.Random(number), 0
        while time.monotonic() < over:
            browser = world.browser(choice.randint(20, 400), patience=180.0)
            _move(browser, choice)
            browser.write(20, keys=choice.sample(sorted(browser.store), 20))
            _move(browser, choice)
            moved += 2
        return moved

    def _move(browser: Browser, choice: random.Random) -> None:
        browser.migrate(per_chunk=choice.choice([10, 40, 150]))

    def nemesis() -> int:
        choice, kinds = random.Random(0), _nemeses(world)
        while not stop.wait(choice.uniform(0.5, 6.0)):
            kind = choice.choice(sorted(kinds))
            try:
                kinds[kind]()  # type: ignore[operator]
            except Exception as error:  # noqa: BLE001 - what is to be broken may be down already
                broke.append(f"{kind}: {type(error).__name__}")
            else:
                broke.append(kind)
        return len(broke)

    breaking = threading.Thread(target=nemesis, name="nemesis")
    breaking.start()
    try:
        moved = world.together(*(lambda n=n: user(n) for n in range(USERS_AT_ONCE)), seconds=SECONDS + 400)
    finally:
        stop.set()
        breaking.join()
    with world.recovery("the end of all faults"):
        world.browser(50).migrate()
    print(f"soak: {sum(moved)} runs, {len(broke)} faults in {SECONDS:.0f} s")
    world.verify()
