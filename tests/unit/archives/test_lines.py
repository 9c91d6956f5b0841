"""Versions are read together where they can be, one by one where they must, and never otherwise than they stand."""

import json
from uuid import uuid4

import pytest

from migration.archives.lines import read_versions
from migration.errors import ArchiveInvalid
from migration.values.lines import encode_line

DEVICE, RUN = str(uuid4()), str(uuid4())


def raw(line: bytes, *, device: str | None = DEVICE, until: int | None = None) -> bytes:
    head = ["default", "notes", 3, until, 7, device, RUN, "run", 1_700_000_000_000_000]
    return json.dumps(head, separators=(",", ":")).encode()[:-1] + b"," + line + b"]"


ENTRIES = [
    ("a", "1"),
    ("b\ud800", "\udfff"),
    ("c", None),
    ('["', '"]'),
    ("", ""),
    ("d", '{"x":"\\ud83d"}'),
    ("e", "é😀"),
]


class TestReadVersions:
    def test_lone_surrogates_among_others_change_no_order(self) -> None:
        lines = [encode_line(*one) for one in ENTRIES]
        versions, read = read_versions([raw(line) for line in lines])
        assert list(zip(read.keys, read.values, strict=True)) == ENTRIES
        assert list(read.raws) == lines
        assert {(one.collection, one.revision, one.until, one.device_id) for one in versions} == {
            ("notes", 3, None, DEVICE)
        }

    def test_superseded_ones_say_until_when(self) -> None:
        [version], _ = read_versions([raw(encode_line("a", "1"), until=9, device=None)])
        assert (version.until, version.device_id, version.run_id) == (9, None, RUN)

    def test_nothing_is_nothing(self) -> None:
        assert read_versions([])[0] == []

    @pytest.mark.parametrize("beside", [b'["k","v"]', b'["\\ud800","v"]'], ids=["read together", "read apart"])
    @pytest.mark.parametrize(
        "line",
        [
            b'["a", "1"]',
            b'["\\u0061","1"]',
            b'["\\ud83d\\ude00","1"]',
            b'["\\ud800" ,"1"]',
            b'["a","1","2"]',
            b"[]",
            b"[1,2]",
            b'{"a":"1"}',
            b'"ab"',
            b'["a","1"]] [["a","1"]',
        ],
    )
    def test_what_is_not_canonical_is_refused(self, line: bytes, beside: bytes) -> None:
        with pytest.raises(ArchiveInvalid):
            read_versions([raw(beside), raw(line)])

    @pytest.mark.parametrize("device", ["", "x", "0" * 31])
    def test_an_id_that_is_none_is_refused(self, device: str) -> None:
        with pytest.raises(ArchiveInvalid):
            read_versions([raw(encode_line("a", "1"), device=device)])
