"""The encryption key is exchanged on a stack at work: browsers upload all the while, workers load, keys are rotated."""

import threading
from collections.abc import Iterator
from typing import Any, Self

import pytest
from cryptography.fernet import Fernet

from migration.config import encryption_keys
from migration.values.envelopes import wrapped_under
from syncserver.stack.web import CommandFailed
from tests.faults.browser import Browser
from tests.faults.world import World, until

SETTING = "MIGRATION_ENCRYPTION_KEYS"


@pytest.fixture
def keys(world: World) -> Iterator[tuple[str, str]]:
    """Return the key of now and a new one; in the end everything is under the first one again."""
    old, new = encryption_keys()[0], Fernet.generate_key().decode()
    yield old, new
    world.reconfigure(**{SETTING: f"{old},{new}"})
    assert rotated(world, f"{old},{new}")


class Uploading:
    """Browsers whose pages write over what they have, and that move it, again and again until told to end."""

    def __init__(self, browsers: list[Browser]) -> None:
        self.browsers, self._done = browsers, threading.Event()
        self.rounds = [0 for _ in browsers]
        self._threads = [threading.Thread(target=self._upload, args=(place,)) for place in range(len(browsers))]

    def _upload(self, place: int) -> None:
        browser = self.browsers[place]
        while not self._done.is_set():
            browser.write(0, keys=list(browser.store))
            browser.migrate(per_chunk=6)
            self.rounds[place] += 1

    def go_on(self) -> None:
        """Wait until each browser has another receipt."""
        wanted = [number + 1 for number in self.rounds]
        until(lambda: all(map(int.__ge__, self.rounds, wanted)), "all browsers have another receipt", seconds=120)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join(120)


def wrapped(world: World, *, newest: str) -> list[int | None]:
    """Return for each chunk of the browsers whether its key opens under `newest` alone."""
    owners = [browser.owner for browser in world.browsers]
    rows = world.query("SELECT wrapped_key FROM migration_chunk WHERE owner_id = ANY(%s::uuid[])", owners)
    return [wrapped_under(bytes(key), keys=[newest]) for (key,) in rows]


def rotated(world: World, keys: str) -> bool:
    """Rotate once; tell whether everything is under the newest key."""
    try:
        return "The older keys can go" in world.stack.manage("migration_keys", "rotate", **{SETTING: keys})
    except CommandFailed:
        return False


def test_beside_uploads_every_chunk_ends_under_the_new_key_and_none_is_lost(
    world: World, keys: tuple[str, str], settings: Any
) -> None:
    old, new = keys
    with Uploading([world.browser(60) for _ in range(2)]) as uploading:
        uploading.go_on()
        world.reconfigure(**{SETTING: f"{old},{new}"})  # from here on everybody opens both
        # Rotated while some processes still wrap under the old key, then until nothing is under it any more.
        behind = threading.Thread(target=lambda: [rotated(world, f"{new},{old}") for _ in range(3)])
        behind.start()
        world.reconfigure(**{SETTING: f"{new},{old}"})
        behind.join(120)
        until(lambda: rotated(world, f"{new},{old}"), "nothing is under the old key", seconds=60)
        uploading.go_on()
        world.reconfigure(**{SETTING: new})
        uploading.go_on()
    found = wrapped(world, newest=new)
    assert len(found) > 50
    assert set(found) == {0}
    settings.MIGRATION = {**settings.MIGRATION, "ENCRYPTION_KEYS": new}
    world.verify()
    for browser in world.browsers:
        for backup in browser.call("GET", "/backups").json()["backups"]:
            assert browser.call("GET", f"/backups/{backup['id']}/download").status_code == 200
