"""Whoever is erased has left Redis too: no key, no value, and no command in the file Redis appends to names them."""

import base64
import json
import secrets
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from websockets.sync.client import connect

from migration.api.tokens import issue_user_token
from tests.faults.browser import Browser
from tests.faults.world import World, a_world, until

ORIGIN = "https://app.example"
_MAKE_APP = f"""
import json
from django.utils import timezone
from migration.orchestration.tenancy import add_secret, create_app
app = create_app(name='canary', slug='canary', origins=['{ORIGIN}'], at=timezone.now(), actor='test')
print(json.dumps([app.publishable_key, add_secret(app=app, at=timezone.now(), actor='test')]))
"""
_NORMAL_LIMITS = {
    "MIGRATION_REQUESTS_PER_MINUTE": "600",
    "MIGRATION_APP_REQUESTS_PER_MINUTE": "6000",
    "MIGRATION_ADDRESS_REQUESTS_PER_MINUTE": "6000",
}


@dataclass
class Watched:
    """An owner whose every word exists once, with all that leads to it."""

    browser: Browser
    words: list[str]
    run: str

    def traces(self, world: World) -> list[bytes]:
        """Return what may not be found any more: canaries, and the ids of owner, devices, runs and chunks."""
        ids = [self.browser.owner, self.browser.device, self.run]
        for table in ("device", "migrationrun", "backup"):
            rows = world.query(f"SELECT id::text FROM migration_{table} WHERE owner_id = %s", self.browser.owner)
            ids += [row[0] for row in rows]
        keys = world.query("SELECT key::text FROM migration_chunk WHERE owner_id = %s", self.browser.owner)
        ids += [row[0] for row in keys]
        return [text.encode() for one in ids for text in (one, one.replace("-", ""))] + [
            word.encode() for word in self.words
        ]


@pytest.fixture(scope="module")
def limited() -> Iterator[World]:
    """A stack whose limits count, with Redis' own file of commands."""
    with a_world(env=_NORMAL_LIMITS) as world:
        yield world


def word(kind: str, words: list[str]) -> str:
    words.append(f"canary{kind}{secrets.token_hex(8)}")
    return words[-1]


def signed_in(world: World) -> Watched:
    key, secret = json.loads(world.stack.manage("shell", "-v", "0", "-c", _MAKE_APP).splitlines()[-1])
    words: list[str] = []
    token = issue_user_token(secret, word("user", words), app_key=key)
    browser = Browser(world.stack.url, token=token, timeout=60.0)
    browser.store = {f"todo:{word('key', words)}": f'{{"text":"{word("value", words)}"}}' for _ in range(60)}
    browser.store |= {f"note:{word('long', words)}": "x" * 5_000}
    world.execute("UPDATE migration_app SET max_entry_bytes = 4000 WHERE slug = 'canary'")
    world.browsers.append(browser)
    run = browser.begin()
    [(browser.owner,)] = world.query("SELECT owner_id::text FROM migration_migrationrun WHERE id = %s", run)
    return Watched(browser, words, run)


@contextmanager
def watching(watched: Watched, path: str, **asked: str) -> Iterator[None]:
    """Open a socket as a page would and read its first message."""
    ticket = watched.browser.call("POST", "/tickets", json=asked).json()["ticket"]
    address = f"{watched.browser.url.replace('http', 'ws')}/ws/v1/{path}"
    protocols: Any = ["migration.v1", f"ticket.{ticket}"]
    with connect(address, subprotocols=protocols, origin=ORIGIN, open_timeout=20) as socket:  # type: ignore[arg-type]
        assert json.loads(socket.recv(timeout=20))
        yield


def files_of_redis(world: World) -> bytes:
    """Return what Redis has written to its files: every command that changed anything since it was started."""
    with redis.from_url(world.stack.redis_url) as connection:
        folder = connection.config_get("dir")["dir"]
    return b"".join(path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file())


def found(haystack: bytes, traces: list[bytes]) -> list[bytes]:
    """Return those that occur, plainly or in base64 at any alignment."""
    shapes = {trace: [trace, *(base64.b64encode(b"." * shift + trace)[4:-4] for shift in range(3))] for trace in traces}
    return [trace for trace, looks in shapes.items() if any(look in haystack for look in looks)]


@pytest.mark.timeout(180)
def test_nothing_of_an_erased_owner_is_left_in_redis(limited: World) -> None:
    watched = signed_in(limited)
    browser = watched.browser
    with ExitStack() as pages:
        pages.enter_context(watching(watched, f"runs/{watched.run}", run=watched.run))
        pages.enter_context(watching(watched, "owner"))
        for chunk in browser.cut(watched.run, 10):
            browser.put(watched.run, chunk)
        browser.finish(watched.run)
        traces = watched.traces(limited)
        assert browser.call("POST", "/owner/erase", json={"confirm": "erase"}).status_code == 202
        done = "SELECT count(*) FROM migration_erasure WHERE owner_id = %s AND state = 'done'"
        until(lambda: limited.query(done, browser.owner) == [(1,)], "the owner is erased")
        assert browser.once("GET", "/runs").status_code in {401, 410}, "an old token finds nobody"

        held = keys_of(limited)
        counters = [key for key in held if key.startswith(b"migration:limit:")]
        assert len(counters) >= 3, "owner, app and address were counted within this minute"
        assert any(key.startswith(b"rq:") for key in held), "workers and bells are among what is searched"
        assert found(b"\n".join(key + b" " + value for key, value in held.items()), traces) == []
        # Redis writes its file a moment later where the disk is busy.
        until(lambda: counters[0] in files_of_redis(limited), "the file names what was counted")
        assert found(files_of_redis(limited), traces) == []
    limited.browsers.remove(browser)
    browser.close()


def keys_of(world: World) -> dict[bytes, bytes]:
    """Return every key, of whatever type, with all it holds and its time to live."""
    with redis.from_url(world.stack.redis_url) as connection:
        return {key: _content(connection, key) for key in connection.scan_iter(count=1_000)}


def _content(connection: "redis.Redis", key: bytes) -> bytes:
    kind = connection.type(key).decode()
    held: Any = {
        "string": lambda: connection.get(key),
        "hash": lambda: {name: _inflated(value) for name, value in connection.hgetall(key).items()},
        "list": lambda: connection.lrange(key, 0, -1),
        "set": lambda: connection.smembers(key),
        "zset": lambda: connection.zrange(key, 0, -1),
        "stream": lambda: connection.xrange(key),
        "none": lambda: b"",  # it ended between the question which there are and what it is
    }[kind]()
    return repr(held).encode()


def _inflated(value: bytes) -> bytes:
    """A job's data is kept compressed."""
    try:
        return zlib.decompress(value)
    except zlib.error:
        return value


@pytest.mark.parametrize("trace", [b"canary-of-whom", b"6b2a4d0e-0000-4000-8000-000000000001"])
def test_a_trace_that_is_there_is_found(limited: World, trace: bytes) -> None:
    with redis.from_url(limited.stack.redis_url) as connection:
        connection.hset("a-job", mapping={"data": zlib.compress(trace), "of": base64.b64encode(b"x" + trace)})
        connection.xadd("results", {"return": trace})
        held = keys_of(limited)
        assert trace in held[b"a-job"], "the compressed one"
        assert found(held[b"a-job"].replace(trace, b""), [trace]) == found(held[b"results"], [trace]) == [trace]
        until(lambda: found(files_of_redis(limited), [trace]) == [trace], "the file has it")
        connection.delete("a-job", "results")
