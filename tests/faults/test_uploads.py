"""What clients send: twice, in any order, damaged, too much, with a stale token, from two devices at once."""

import gzip
import random
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from migration.api.tokens import issue_guest_token
from tests.factories.uploads import ChunkUpload
from tests.faults.browser import APP, Browser
from tests.faults.world import World


class TestOrder:
    def test_does_not_matter(self, world):
        browsers = [world.browser(200) for _ in range(4)]

        def shuffled(seed: int):
            def order(chunks: list[ChunkUpload]) -> list[ChunkUpload]:
                random.Random(seed).shuffle(chunks)
                return chunks

            return order

        world.together(*(lambda b=b, n=n: b.migrate(per_chunk=20, order=shuffled(n)) for n, b in enumerate(browsers)))
        world.verify()

    def test_does_not_matter_while_the_page_writes_on(self, world):
        """Later chunks carry newer values of the same keys, and arrive first."""
        browser = world.browser(120)
        run = browser.begin()
        old = browser.cut(run, 30)
        browser.write(60, keys=[f"todo:{number}" for number in range(0, 120, 2)])
        new = browser.cut(run, 30, [f"todo:{number}" for number in range(0, 120, 2)])
        for chunk in [*reversed(new), *reversed(old)]:
            browser.put(run, chunk)
        answer = browser.call("POST", f"/runs/{run}/seal", json={"manifest": browser.manifest(2)})
        assert answer.status_code == 200, answer.text
        browser.statements.append(browser.receipt(run))
        world.verify()


class TestDuplicates:
    def test_at_the_same_time_are_stored_once(self, world):
        browser = world.browser(160, timeout=60.0)
        run = browser.begin()
        for chunk in browser.cut(run, 40):
            twins = [browser.twin() for _ in range(6)]
            answers = world.together(*(lambda t=t, c=chunk: t.put_once(run, c) for t in twins))
            assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
            assert len({answer.content for answer in answers}) == 1
            browser.note_acked(chunk)
        browser.finish(run)
        world.verify()

    def test_of_another_payload_under_one_id_are_refused(self, world):
        browser = world.browser(80, timeout=60.0)
        run = browser.begin()
        first, second = browser.cut(run, 40)
        browser.put(run, first)
        impostor = ChunkUpload(payload=second.payload, entries=second.entries, seq=second.seq, id=first.id)
        answer = browser.once("PUT", f"/runs/{run}/chunks/{first.id}", content=impostor.body, headers=_said(impostor))
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_mismatch")
        browser.put(run, second)
        browser.finish(run)
        world.verify()


def _said(chunk: ChunkUpload) -> dict[str, str]:
    return {"Content-Type": "application/x-ndjson", **chunk.headers()}


def _flipped(chunk: ChunkUpload) -> None:
    middle = len(chunk.body) // 2
    chunk.body = chunk.body[:middle] + bytes([chunk.body[middle] ^ 0x10]) + chunk.body[middle + 1 :]


def _truncated(chunk: ChunkUpload) -> None:
    chunk.body = chunk.body[: len(chunk.body) // 2]


def _trailing(chunk: ChunkUpload) -> None:
    chunk.body += b"more"


def _other_sum(chunk: ChunkUpload) -> None:
    chunk.sha256 = ChunkUpload(payload=b"other", entries=1).sha256


def _other_length(chunk: ChunkUpload) -> None:
    chunk.bytes = (chunk.bytes or 0) - 1


def _other_count(chunk: ChunkUpload) -> None:
    chunk.entries += 1


def _payload(chunk: ChunkUpload, payload: bytes, entries: int) -> None:
    made = ChunkUpload(payload=payload, entries=entries, seq=chunk.seq)
    for name in ("payload", "entries", "body", "sha256", "bytes"):
        setattr(chunk, name, getattr(made, name))


def _bomb(chunk: ChunkUpload) -> None:
    _payload(chunk, b'["todo:1","' + b"x" * 60_000_000 + b'"]\n', 2)


def _honest_bomb_of_one(chunk: ChunkUpload) -> None:
    _payload(chunk, b'["todo:1","' + b"x" * 40_000_000 + b'"]\n', 1)


def _wide(chunk: ChunkUpload) -> None:
    _payload(chunk, b"".join(b'["w%d",""]\n' % number for number in range(10_001)), 10_001)


def _not_lines(chunk: ChunkUpload) -> None:
    _payload(chunk, b'{"not": "a line"}\n', 1)


def _deep_line(chunk: ChunkUpload) -> None:
    _payload(chunk, b"[" * 100_000 + b"]" * 100_000 + b"\n", 1)
    chunk.encoding, chunk.body = "identity", chunk.payload


def _not_canonical(chunk: ChunkUpload) -> None:
    _payload(chunk, b'["todo:1", "spaced"]\n', 1)


def _half_a_line(chunk: ChunkUpload) -> None:
    _payload(chunk, b'["todo:1","v"]\n["todo:2",\n"v"]\n', 3)


def _empty(chunk: ChunkUpload) -> None:
    _payload(chunk, b"", 0)


def _gzip_of_gzip(chunk: ChunkUpload) -> None:
    chunk.body = gzip.compress(chunk.body)


DAMAGES = [
    (_flipped, {"encoding_invalid", "checksum_mismatch"}),
    (_truncated, {"encoding_invalid"}),
    (_trailing, {"encoding_invalid"}),
    (_other_sum, {"checksum_mismatch"}),
    (_other_length, {"checksum_mismatch"}),
    (_other_count, {"entry_count"}),
    (_bomb, {"inflate_limit"}),
    (_honest_bomb_of_one, {"inflate_limit"}),
    (_wide, {"entry_count"}),
    (_not_lines, {"line_form"}),
    (_deep_line, {"line_form"}),
    (_not_canonical, {"line_form"}),
    (_half_a_line, {"line_form"}),
    (_empty, {"entry_count"}),
    (_gzip_of_gzip, {"checksum_mismatch"}),
]


class TestDamage:
    def test_is_refused_by_name_and_leaves_nothing(self, world):
        browser = world.browser(40, timeout=60.0)
        run = browser.begin()
        [sound] = browser.cut(run, 40)
        found = {}
        for damage, codes in DAMAGES:
            chunk = ChunkUpload(payload=sound.payload, entries=sound.entries, seq=sound.seq)
            damage(chunk)
            began = time.monotonic()
            answer = browser.once("PUT", f"/runs/{run}/chunks/{chunk.id}", content=chunk.body, headers=_said(chunk))
            found[damage.__name__] = (answer.status_code, answer.json()["code"])
            assert 400 <= answer.status_code < 500, found
            assert answer.json()["code"] in codes, found
            assert time.monotonic() - began < 15
        assert world.query("SELECT count(*) FROM migration_chunk WHERE run_id = %s", run) == [(0,)]
        browser.put(run, sound)
        browser.finish(run)
        world.verify()

    @pytest.mark.parametrize("depth", [127, 128, 129, 1_000, 5_000, 100_000])
    def test_deep_values_are_values_like_any_other(self, world, depth):
        browser = world.browser(10)
        browser.store["todo:3"] = "[" * depth + f'"{uuid4()}"' + "]" * depth
        browser.migrate()
        world.verify()

    def test_every_prefix_of_a_body_is_refused(self, world):
        browser = world.browser(3, timeout=60.0)
        run = browser.begin()
        [chunk] = browser.cut(run, 3)
        for end in range(0, len(chunk.body), 7):
            part = ChunkUpload(
                payload=chunk.payload, entries=chunk.entries, seq=chunk.seq, body=chunk.body[:end] or b"\0"
            )
            answer = browser.once("PUT", f"/runs/{run}/chunks/{part.id}", content=part.body, headers=_said(part))
            assert (answer.status_code, answer.json()["code"]) == (422, "encoding_invalid"), end
        browser.put(run, chunk)
        browser.finish(run)
        world.verify()


class TestTwoDevices:
    @pytest.mark.parametrize("policy", ["AUTO_MERGE", "AUTO_OVERWRITE", "AUTO_SKIP", "INTERACTIVE"])
    def test_with_the_same_keys_lose_no_value(self, world, policy):
        phone = world.browser(120)
        laptop = world.browser(120, guest=phone.guest)
        first, second = world.together(
            *(lambda b=b: b.migrate(per_chunk=30, conflictResolution=policy) for b in (phone, laptop))
        )
        world.verify()
        seen = world.seen()
        kept = {one.value for one in (*seen.records, *seen.history)} | {one.value for one in seen.losers}
        assert {*phone.store.values(), *laptop.store.values()} <= kept
        assert first["stored"]["entries"] + first["conflict"]["entries"] == 120
        assert second["stored"]["entries"] + second["conflict"]["entries"] == 120


class TestToken:
    def test_that_expires_before_every_request_only_costs_a_sign_in(self, world):
        browser = world.browser(200)
        run = browser.begin()
        long_ago = datetime.now(UTC) - timedelta(hours=1)
        expired, _ = issue_guest_token(owner_id=browser.owner, app_key=APP, at=long_ago)
        chunks = browser.cut(run, 40)
        before = browser.sessions
        for chunk in chunks:
            browser.token = expired
            browser.put(run, chunk)
        browser.token = expired
        browser.finish(run)
        assert browser.sessions == before + len(chunks) + 1
        refused = [answer for answer in browser.answers if answer.status == 401]
        assert {answer.code for answer in refused} == {"unauthenticated"}
        world.verify()

    def test_of_one_owner_opens_nothing_of_another(self, world: World):
        mine, yours = world.browser(40), world.browser(40)
        mine.migrate()
        yours.migrate()
        stranger = Browser(world.stack.url, guest=yours.guest, device=mine.device)
        try:
            for method, path in (("GET", ""), ("POST", "/cancel"), ("GET", "/receipt"), ("POST", "/pause")):
                answer = stranger.call(method, f"/runs/{mine.runs[0]}{path}")
                assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        finally:
            stranger.close()
        world.verify()
