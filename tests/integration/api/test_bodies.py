"""Bodies meant to break a parser: a documented 4xx each, never a 500, and nothing is kept."""

import json
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migration.models import Chunk, MigrationRun
from tests.factories.doors import Browser, account, make_tenant
from tests.factories.uploads import ChunkUpload, chunk_of, manifest_of, todos

pytestmark = pytest.mark.django_db
ENTRIES = todos(3)


@pytest.fixture
def visitor() -> Browser:
    return account(make_tenant())


def body(**changes: Any) -> bytes:
    return json.dumps({"id": str(uuid4()), "manifest": manifest_of(ENTRIES), **changes}).encode()


def deep(depth: int) -> bytes:
    return b'{"id":' + b"[" * depth + b"]" * depth + b"}"


def changed_manifest(**changes: Any) -> bytes:
    return body(manifest={**manifest_of(ENTRIES), **changes})


def changed_collection(**changes: Any) -> bytes:
    manifest = manifest_of(ENTRIES)
    manifest["collections"][0].update(changes)
    return body(manifest=manifest)


BROKEN: dict[str, tuple[bytes, str]] = {
    "nothing": (b" ", "invalid_json"),
    "half": (body()[:-1], "invalid_json"),
    "two": (body() + body(), "invalid_json"),
    "not UTF-8": (b'{"id":"\xff"}', "invalid_json"),
    "a BOM": (b"\xef\xbb\xbf" + body(), "invalid_json"),
    "UTF-16": (body().decode().encode("utf-16"), "invalid_json"),
    "NaN": (b'{"id":NaN}', "invalid_json"),
    "Infinity": (b'{"id":-Infinity}', "invalid_json"),
    "a number of 5,000 digits": (b'{"id":' + b"9" * 5_000 + b"}", "invalid_json"),
    "single quotes": (b"{'id':1}", "invalid_json"),
    "a lone surrogate": (body(purpose="\ud800"), "invalid_json"),
    "members twice": (body()[:-1] + b',"seal":false,"seal":true}', "invalid_json"),
    "members twice deep inside": (b'{"id":1,"manifest":{"a":{"b":1,"b":2}}}', "invalid_json"),
    "a list": (b"[]", "invalid_body"),
    "a text": (b'"x"', "invalid_body"),
    "null": (b"null", "invalid_body"),
    "an empty object": (b"{}", "invalid_body"),
    "an unknown member": (body(surprise=1), "invalid_body"),
    "__proto__": (body(__proto__={"seal": True}), "invalid_body"),
    "no UUID": (body(id="x"), "invalid_body"),
    "a purpose we do not have": (body(purpose="steal"), "invalid_body"),
    "a text for a truth": (body(dry_run="false"), "invalid_body"),
    "an option we do not have": (body(options={"speed": 9}), "invalid_body"),
    "an option out of range": (body(options={"batchSize": 0}), "invalid_body"),
    "a policy we do not have": (body(options={"conflictResolution": "MINE"}), "invalid_body"),
    "257 chunks": (body(chunks=[chunk_of(ENTRIES).inline()] * 257), "invalid_body"),
    "a chunk not base64": (body(chunks=[{**chunk_of(ENTRIES).inline(), "data": "not base64!"}]), "invalid_body"),
    "a chunk with a negative seq": (body(chunks=[{**chunk_of(ENTRIES).inline(), "seq": -1}]), "invalid_body"),
    "a chunk with a short hash": (body(chunks=[{**chunk_of(ENTRIES).inline(), "sha256": "A"}]), "invalid_body"),
    "depth 127": (deep(127), "invalid_body"),
    "depth 129": (deep(129), "invalid_body"),
    "depth 5,000": (deep(5_000), "invalid_json"),
    "depth 100,000": (deep(100_000), "invalid_json"),
    "unclosed depth": (b"[" * 200_000, "invalid_json"),
    "width": (b'{"id":[' + b"0," * 500_000 + b"0]}", "invalid_body"),
    "wide objects": (b"{" + b",".join(b'"%d":0' % number for number in range(100_000)) + b"}", "invalid_body"),
    "too many bytes": (b'{"id":"' + b"x" * 1_600_000 + b'"}', "too_large"),
    "NUL in a name": (changed_collection(name="a\x00b"), "invalid_body"),
    "NUL in a pattern": (changed_collection(patterns=["\x00*"]), "invalid_body"),
    "entries that do not add up": (changed_manifest(entries=4), "manifest_invalid"),
    "bytes that do not add up": (changed_manifest(bytes=1), "manifest_invalid"),
    "version naught": (changed_manifest(version=0), "manifest_invalid"),
    "a negative count": (changed_manifest(entries=-1), "manifest_invalid"),
    "a count beyond bigint": (changed_manifest(entries=2**63), "manifest_invalid"),
    "a count as fraction": (changed_manifest(entries=1.5), "manifest_invalid"),
    "a count as truth": (changed_manifest(entries=True), "manifest_invalid"),
    "a member the manifest does not have": (changed_manifest(keys=[]), "manifest_invalid"),
    "more deletions than entries": (changed_collection(deleted=4), "manifest_invalid"),
    "a bucket in capitals": (changed_collection(buckets={"0A": "A" * 43}), "manifest_invalid"),
    "a bucket of three digits": (changed_collection(buckets={"00a": "A" * 43}), "manifest_invalid"),
    "a digest too short": (changed_collection(buckets={"0a": "A" * 42}), "manifest_invalid"),
    "a digest with padding": (changed_collection(buckets={"0a": "A" * 43 + "="}), "manifest_invalid"),
    "a digest with spare bits": (changed_collection(buckets={"0a": "A" * 42 + "B"}), "manifest_invalid"),
    "no bucket for entries": (changed_collection(buckets={}), "manifest_invalid"),
    "more buckets than entries": (
        changed_collection(buckets={f"{n:02x}": "A" * 43 for n in range(4)}),
        "manifest_invalid",
    ),
    "an empty name": (changed_collection(name=""), "manifest_invalid"),
    "a long name": (changed_collection(name="n" * 129), "manifest_invalid"),
    "a long pattern": (changed_collection(patterns=["p" * 513]), "manifest_invalid"),
    "many patterns": (changed_collection(patterns=["p"] * 300), "manifest_invalid"),
    "many stars": (changed_collection(patterns=["*a" * 9]), "manifest_invalid"),
}


def collections(count: int) -> bytes:
    listed = [{"name": f"c{n}", "patterns": [], "entries": 0, "bytes": 0, "buckets": {}} for n in range(count)]
    return body(manifest={"version": 1, "entries": 0, "bytes": 0, "collections": listed})


class TestABrokenBody:
    @pytest.mark.parametrize("form", BROKEN)
    def test_is_refused_by_its_code(self, form: str, visitor: Browser) -> None:
        raw, code = BROKEN[form]
        answer = visitor.post("/runs", raw)
        assert (answer.json()["code"], answer.status_code < 500) == (code, True)
        assert not MigrationRun.objects.exists()

    def test_may_not_have_a_collection_twice_or_201_of_them(self, visitor: Browser) -> None:
        assert visitor.post("/runs", collections(200)).status_code == 201
        assert visitor.post("/runs", collections(201)).json()["code"] == "manifest_invalid"
        manifest = manifest_of(ENTRIES)
        twice = {**manifest, "entries": 6, "bytes": manifest["bytes"] * 2, "collections": manifest["collections"] * 2}
        assert visitor.create(manifest=twice).json()["code"] == "manifest_invalid"

    @pytest.mark.parametrize(
        "content_type", ["text/plain", "application/xml", "", "application/jsonp", "multipart/form-data"]
    )
    def test_may_not_be_of_another_type(self, content_type: str, visitor: Browser) -> None:
        answer = visitor.client.post("/api/v1/runs", data=body(), content_type=content_type, headers=visitor.headers())
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")

    def test_may_name_its_charset(self, visitor: Browser) -> None:
        answer = visitor.client.post(
            "/api/v1/runs", data=body(), content_type="application/json; charset=utf-8", headers=visitor.headers()
        )
        assert answer.status_code == 201

    def test_of_any_other_kind_never_breaks_the_server(self, visitor: Browser) -> None:
        json_values = st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
            max_leaves=10,
        )
        members = st.sampled_from(["id", "manifest", "purpose", "dry_run", "options", "chunks", "seal", "entries"])

        @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(st.dictionaries(members, json_values))
        def never_breaks(value: dict[str, Any]) -> None:
            assert 400 <= visitor.post("/runs", value).status_code < 500

        never_breaks()


class TestAChunk:
    @pytest.mark.parametrize(
        ("chunk", "code"),
        [
            (ChunkUpload(payload=b"", entries=0), "entry_count"),
            (ChunkUpload(payload=b"", entries=1), "entry_count"),
            (ChunkUpload(payload=b"\n", entries=1), "line_form"),
            (ChunkUpload(payload=b'["a","b"]', entries=1), "line_form"),
            (ChunkUpload(payload=b'["a","b"]\n["c","d"]', entries=1), "line_form"),
            (ChunkUpload(payload=b'["a","b"]\r\n', entries=1), "line_form"),
            (ChunkUpload(payload=b'["a","b","c"]\n', entries=1), "line_form"),
            (ChunkUpload(payload=b"[]\n", entries=1), "line_form"),
            (ChunkUpload(payload=b'["a",1]\n', entries=1), "line_form"),
            (ChunkUpload(payload=b'["a",null]\n', entries=1), "line_form"),
            (ChunkUpload(payload=b'{"a":"b"}\n', entries=1), "line_form"),
            (ChunkUpload(payload=b'["\xff","b"]\n', entries=1), "line_form"),
            (ChunkUpload(payload=b'["\xed\xa0\x80","b"]\n', entries=1), "line_form"),
            (ChunkUpload(payload=b'["\\ud83d\\ude00","b"]\n', entries=1), "line_form"),
            (ChunkUpload(payload=b'["\\uD800","b"]\n', entries=1), "line_form"),
            (ChunkUpload(payload=b'["a\\/b","b"]\n', entries=1), "line_form"),
            (ChunkUpload(payload=b"[" * 100_000 + b"\n", entries=1, encoding="identity"), "line_form"),
            (ChunkUpload(payload=b'["a","b"]\n' * 10_001, entries=10_001), "entry_count"),
            (chunk_of(ENTRIES, encoding="br"), "encoding_invalid"),
        ],
    )
    def test_that_is_wrong_is_refused_by_its_code(self, chunk: ChunkUpload, code: str, visitor: Browser) -> None:
        answer = visitor.put(visitor.create(ENTRIES).json()["id"], chunk)
        assert (answer.json()["code"], answer.status_code < 500) == (code, True)
        assert not Chunk.objects.exists()

    def test_may_hold_anything_localstorage_can(self, visitor: Browser) -> None:
        odd = {
            "": "",
            "\x00": "\x00",
            "\ud800": "\udfff\ud800",
            "__proto__": "[1e400,-0]",
            "é": "é",
            "😀": '"',
            "a\nb": "\\",
        }
        for encoding in ("gzip", "identity"):
            assert visitor.put(visitor.create(odd).json()["id"], chunk_of(odd, encoding=encoding)).status_code == 201

    def test_may_hold_ten_thousand_entries_and_deletions(self, visitor: Browser) -> None:
        many = {f"k{number}": None if number % 2 else "v" for number in range(10_000)}
        assert visitor.put(visitor.create(many).json()["id"], chunk_of(many)).status_code == 201

    def test_of_one_entry_may_be_larger(self, visitor: Browser) -> None:
        large = {"todo:large": "\u4e2d" * 5_000_000}
        run_id = visitor.create(large).json()["id"]
        assert visitor.put(run_id, chunk_of(large, encoding="identity")).status_code == 201
        lie = chunk_of({**large, "todo:2": "x"}, encoding="identity")
        assert visitor.put(run_id, lie).json()["code"] == "too_large"
        lie.entries = 1
        assert visitor.put(run_id, lie).json()["code"] == "entry_count"

    def test_with_a_secret_is_stored_where_the_app_allows_it(self) -> None:
        secret = {"password": "hunter2-hunter2"}
        careful, open_hearted = account(make_tenant()), account(make_tenant(allow_sensitive=["pass*"]))
        assert careful.put(careful.create(secret).json()["id"], chunk_of(secret)).json()["code"] == "sensitive_item"
        assert open_hearted.put(open_hearted.create(secret).json()["id"], chunk_of(secret)).status_code == 201

    @pytest.mark.parametrize("name", ["Seq", "Entries", "Bytes", "Sha256"])
    def test_needs_its_headers(self, name: str, visitor: Browser) -> None:
        run_id = visitor.create(ENTRIES).json()["id"]
        for value in ("", "x", "-1", "1e3", "9" * 30):
            answer = visitor.put(run_id, chunk_of(ENTRIES), **{f"Migration-{name}": value})
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body")

    def test_of_any_bytes_is_refused_in_a_documented_way(self, visitor: Browser) -> None:
        run_id = visitor.create(ENTRIES).json()["id"]

        @settings(max_examples=80, deadline=None)
        @given(st.binary(min_size=1, max_size=200), st.integers(0, 5), st.sampled_from(["gzip", "identity"]))
        def refused(payload: bytes, entries: int, encoding: str) -> None:
            answer = visitor.put(run_id, ChunkUpload(payload=payload, entries=entries, encoding=encoding))
            assert answer.json()["code"] in {"line_form", "entry_count", "encoding_invalid"}

        refused()

    def test_comes_along_with_its_run_or_neither_does(self, visitor: Browser) -> None:
        good, bad = chunk_of(todos(2)), chunk_of(todos(1, first=2), sha256="A" * 43)
        answer = visitor.create(ENTRIES, chunks=[good.inline(), bad.inline()], seal=True)
        assert answer.json()["code"] == "checksum_mismatch"
        assert not MigrationRun.objects.exists()
