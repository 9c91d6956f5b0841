"""What users and operators keep secret turns up nowhere it does not belong, however much goes wrong.

Two hundred strings nobody else has ever written travel as keys, values, tokens, headers and addresses through a run in
which everything fails once; then every log, the audit log, the runs' errors and timelines, Redis and every refusal
are searched for them.
"""

import base64
import secrets
from collections.abc import Callable, Iterator

import httpx
import pytest
import redis

from tests.faults.browser import Browser
from tests.faults.world import World, a_world

NUMBERS = {"key": 40, "value": 50, "refused": 20, "secret": 20, "body": 20, "token": 20, "header": 15, "address": 15}
"""How many canaries of each kind; two hundred together."""
JSON = {"Content-Type": "application/json"}


class Canaries:
    """Strings that exist once, by kind."""

    def __init__(self) -> None:
        self.of = {kind: [f"canary{secrets.token_hex(8)}" for _ in range(count)] for kind, count in NUMBERS.items()}

    def all(self, *kinds: str) -> list[bytes]:
        """Return those of some kinds (or all) as bytes."""
        return [word.encode() for kind in kinds or self.of for word in self.of[kind]]


@pytest.fixture(scope="module")
def talkative() -> Iterator[World]:
    """A stack that logs all it has to say."""
    with a_world(env={"LOG_LEVEL": "DEBUG", "LOG_JSON": "1"}) as world:
        yield world


def found_in(haystack: bytes, canaries: list[bytes]) -> list[str]:
    """Return the canaries that occur: plainly, in hex, or in base64 at any of its three alignments."""
    return [word.decode() for word in canaries if any(shape in haystack for shape in shapes_of(word))]


def shapes_of(word: bytes) -> list[bytes]:
    """Return how a word may look; the first and last letters of base64 depend on what stands around it."""
    shifted = (base64.b64encode(b"." * shift + word) for shift in range(3))
    return [word, word.hex().encode(), *(text[4:-4] for text in shifted)]


def a_hard_life(world: World, canaries: Canaries) -> list[httpx.Response]:
    """Let everything go wrong that can; return every answer that refused something."""
    refusals: list[httpx.Response] = []
    world.execute("UPDATE migration_app SET max_entry_bytes = 4000 WHERE slug = 'demo'")
    browser = world.browser()
    keys, values = canaries.of["key"], canaries.of["value"]
    browser.store = {f"todo:{key}": f'{{"text":"{value}"}}' for key, value in zip(keys, values, strict=False)}
    browser.store |= {f"note:{word}": word * 400 for word in canaries.of["refused"]}
    faults = "load.entry:1:raise,load.after_stage:1:raise,load.before_commit:2:kill,verify.before_commit:1:raise"
    with world.armed(f"{faults},intake.before_store:2:raise"):
        browser.migrate(per_chunk=7)
        world.await_fired("verify.before_commit")
    with world.down("redis"):
        run = browser.begin()
        for chunk in browser.cut(run, 50):
            browser.put(run, chunk)
    browser.finish(run)
    refusals += refused_requests(browser, canaries)
    world.send_home()
    return refusals


def refused_requests(browser: Browser, canaries: Canaries) -> list[httpx.Response]:
    """Send what must be refused, each with a canary in it."""
    run = browser.begin()
    answers = [_put(browser, run, f"password{number}", word) for number, word in enumerate(canaries.of["secret"])]
    answers += [browser.once("POST", "/runs", content=body, headers=JSON) for body in _broken_bodies(canaries)]
    for word in canaries.of["token"]:
        liar = Browser(browser.url, token=f"eyJhbGciOiJub25lIn0.{word}.")
        answers.append(liar.once("GET", "/runs"))
        liar.close()
    answers += [browser.once("GET", "/runs", headers={"Migration-Epoch": word}) for word in canaries.of["header"][:8]]
    answers += [
        browser.once("GET", "/runs", headers={"X-Request-ID": word + "!"}) for word in canaries.of["header"][8:]
    ]
    answers += [browser.once("GET", f"/runs/{word}") for word in canaries.of["address"][:8]]
    answers += [browser.once("GET", f"/runs?all={word}") for word in canaries.of["address"][8:]]
    return [answer for answer in answers if answer is not None]


def _put(browser: Browser, run: str, key: str, value: str) -> httpx.Response | None:
    browser.store[key] = value
    [chunk] = browser.cut(run, 1, [key])
    browser.sent = [write for write in browser.sent if write.chunk != chunk.id]
    del browser.store[key]
    return browser.put_once(run, chunk)


def _broken_bodies(canaries: Canaries) -> Iterator[bytes]:
    shapes: list[Callable[[str], bytes]] = [
        lambda word: b'{"id": "' + word.encode(),
        lambda word: b'{"' + word.encode() + b'": 1}',
        lambda word: b'{"id": "' + word.encode() + b'", "manifest": {}}',
        lambda word: word.encode() * 2,
    ]
    for number, word in enumerate(canaries.of["body"]):
        yield shapes[number % len(shapes)](word)


def everything_in_redis(url: str) -> bytes:
    """Return all keys and what they hold, as Redis itself would write them to a file."""
    with redis.from_url(url) as connection:
        return b"\n".join(key + b" " + (connection.dump(key) or b"") for key in connection.scan_iter(count=1_000))


def rows_of(world: World, table: str) -> bytes:
    """Return a table as text."""
    return "\n".join(row[0] for row in world.query(f"SELECT t::text FROM {table} t")).encode()


@pytest.mark.timeout(300)
def test_secrets_turn_up_nowhere_they_do_not_belong(talkative: World) -> None:
    canaries = Canaries()
    assert len(canaries.all()) == 200
    refusals = a_hard_life(talkative, canaries)
    assert {answer.status_code for answer in refusals} >= {400, 401, 404, 422}

    logs = {path.name: path.read_bytes() for path in talkative.stack.logs.iterdir()}
    assert b'"event"' in logs["web.log"], "the web server said something"
    assert {name: found_in(text, canaries.all()) for name, text in logs.items() if found_in(text, canaries.all())} == {}

    assert found_in(everything_in_redis(talkative.stack.redis_url), canaries.all()) == []
    for table in ("migration_auditline", "migration_runevent"):
        assert found_in(rows_of(talkative, table), canaries.all()) == [], table
    said = "\n".join(str(row) for row in talkative.query("SELECT errors, failure_code FROM migration_migrationrun"))
    assert found_in(said.encode(), canaries.all()) == []

    # A refusal may name a member, a key or a header the caller has just sent, but never a value or a credential.
    shown = b"\n".join(answer.content for answer in refusals)
    assert found_in(shown, canaries.all("key", "value", "refused", "secret", "token")) == []


@pytest.mark.parametrize("before", ["", "x", "xy"])
def test_a_canary_that_sings_is_heard(before: str) -> None:
    canaries = Canaries()
    word = canaries.of["value"][7]
    text = (before + word + " and more").encode()
    for shape in (text, base64.b64encode(text), text.hex().encode()):
        assert found_in(b'{"event": "' + shape + b'"}', canaries.all()) == [word]
