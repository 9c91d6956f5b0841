"""Canonical lines against the vectors JavaScript and SQL are held to as well, and against damage."""

import json
from base64 import b64decode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.errors import LineForm
from migration.values.digests import bucket_of, fingerprint, key_hash, to_wire
from migration.values.lines import (
    Lines,
    decode_line,
    decode_lines,
    decode_slices,
    encode_line,
    literal,
    read_slices,
    text_of,
)

VECTORS = Path(__file__).parents[2] / "vectors" / "lines.json"
# Any string localStorage can hold, as Python holds it: pairs joined, lone surrogates as they are.
STRINGS = st.lists(st.integers(0, 0xFFFF), max_size=20).map(
    lambda units: b"".join(unit.to_bytes(2, "little") for unit in units).decode("utf-16-le", "surrogatepass")
)


def _text(units: list[int]) -> str:
    return b"".join(unit.to_bytes(2, "little") for unit in units).decode("utf-16-le", "surrogatepass")


def _vectors() -> list[dict]:
    vectors: list[dict] = json.loads(VECTORS.read_text())["cases"]
    return vectors


class TestVectors:
    def test_agree(self):
        vectors = _vectors()
        assert vectors
        for vector in vectors:
            key, value = _text(vector["key"]), None if vector.get("value") is None else _text(vector["value"])
            line = encode_line(key, value)
            assert line == b64decode(vector["line"])
            assert to_wire(fingerprint(line)) == vector["fingerprint"]
            assert to_wire(key_hash(literal(key))) == vector["key_hash"]
            assert bucket_of(key_hash(literal(key))) == vector["bucket"]


class TestLine:
    @given(STRINGS, st.none() | STRINGS)
    def test_comes_back_as_it_went(self, key, value):
        raw = encode_line(key, value)
        line = decode_line(raw)
        assert (line.key, line.value, line.raw) == (key, value, raw)
        raw.decode()  # always valid UTF-8
        assert b"\n" not in raw

    @given(STRINGS)
    def test_literal_is_what_json_stringify_writes(self, text):
        assert text_of(literal(text)) == text
        assert json.loads(literal(text)) == text

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"[]",
            b'["a","b","c"]',
            b'{"a":"b"}',
            b'["a", "b"]',
            b' ["a","b"]',
            b'["a","b"] ',
            b'["a",1]',
            b'["a",null]',
            b'["\\u0061","b"]',
            b'["\\uD800","b"]',
            b'["\\ud83d\\ude00"]',
            b'["a","\xff"]',
            b'["\\/"]',
            b'"a"',
            b"[" * 100_000,
            b'["a","b"],["c","d"]',
        ],
    )
    def test_refuses_what_json_stringify_does_not_write(self, raw):
        with pytest.raises(LineForm):
            decode_line(raw)


class TestPayload:
    @given(st.lists(st.tuples(STRINGS, st.none() | STRINGS), max_size=8))
    def test_comes_back_line_by_line(self, entries):
        payload = b"".join(encode_line(key, value) + b"\n" for key, value in entries)
        assert [(line.key, line.value) for line in decode_lines(payload)] == entries

    @given(st.lists(STRINGS, min_size=1, max_size=6), st.data())
    def test_names_the_line_that_is_wrong(self, keys, data):
        place = data.draw(st.integers(0, len(keys) - 1))
        lines = [encode_line(key, "v") for key in keys]
        lines[place] += b" "
        with pytest.raises(LineForm) as caught:
            decode_lines(b"".join(line + b"\n" for line in lines))
        assert caught.value.extras["line"] == place + 1

    @pytest.mark.parametrize(
        ("payload", "line"),
        [
            (b'["a"]', 1),
            (b'["a"]\n["b"]', 2),
            (b"\n", 1),
            (b'["a"]\n\n', 2),
            (b'["a",\n"b"]\n', 1),
            (b'["a"],["b"]\n', 1),
            (b'["a"]\r\n', 1),
        ],
    )
    def test_refuses_lines_that_are_two_or_half_of_one(self, payload, line):
        with pytest.raises(LineForm) as caught:
            decode_lines(payload)
        assert caught.value.extras["line"] == line

    def test_may_be_empty(self):
        assert list(decode_lines(b"")) == []
        assert list(decode_slices(b"")) == []

    @given(st.lists(st.tuples(STRINGS, st.none() | STRINGS), max_size=20), st.integers(1, 200))
    def test_is_the_same_slice_by_slice(self, entries, size):
        payload = b"".join(encode_line(key, value) + b"\n" for key, value in entries)
        slices = list(decode_slices(payload, size=size))
        assert b"".join(part for part, _ in slices) == payload
        assert [line for _, lines in slices for line in lines] == list(decode_lines(payload))

    @given(st.lists(st.tuples(STRINGS, st.none() | STRINGS), max_size=20), st.integers(1, 200))
    def test_is_the_same_when_it_is_only_read(self, entries, size):
        payload = b"".join(encode_line(key, value) + b"\n" for key, value in entries)
        read = list(read_slices(payload, size=size))
        assert list(Lines.joined(read)) == list(decode_lines(payload))
        assert sum(lines.size for lines in read) == len(payload) - len(entries)

    @given(st.lists(STRINGS, min_size=1, max_size=6), st.integers(1, 100), st.sampled_from([b" \n", b"", b"\n\n"]))
    def test_names_the_same_wrong_line_slice_by_slice(self, keys, size, ending):
        payload = b"".join(encode_line(key, "v") + b"\n" for key in keys)[:-1] + ending
        with pytest.raises(LineForm) as whole:
            decode_lines(payload)
        with pytest.raises(LineForm) as sliced:
            list(decode_slices(payload, size=size))
        assert sliced.value.extras["line"] == whole.value.extras["line"]
