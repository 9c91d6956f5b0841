"""Lines become slices of one owner each, none longer than asked for, with the place behind each."""

from typing import Any
from uuid import UUID

import pytest

from migration.archives import owner_line
from migration.archives.reading import _Cutter
from migration.errors import ArchiveInvalid
from migration.values.lines import encode_line
from tests.unit.archives.test_lines import raw

DEVICE = b'{"device":{"id":"x"}}'


def owner(number: int) -> bytes:
    row: dict[str, Any] = {"id": UUID(int=number), "kind": "guest", "subject": "", "revision": 1, "horizon": 0}
    return owner_line({**row, "epoch": 1, "created_at": "2026-01-01T00:00:00Z", "last_seen_at": None})


def version(key: str) -> bytes:
    return raw(encode_line(key, "1"))


LINES = [
    *(owner(1), DEVICE, version("a"), version("b"), version("c"), version("d")),
    *(owner(2), DEVICE),
    *(owner(3), version("e")),
]


def cut(blocks: list[list[bytes]], longest: int) -> list[tuple[int, bool, bool, list[str], int, int]]:
    cutter = _Cutter(None, at=0, longest=lambda: longest)
    found = [one for lines in blocks for one in cutter.cut(lines)] + list(cutter.ended())
    return [
        (one.owner.id.int, one.begins, one.ends, list(one.lines.keys), len(one.beside.get("device", ())), at)
        for one, at in found
    ]


class TestCutter:
    @pytest.mark.parametrize("size", [1, 2, 3, 10])
    def test_blocks_make_no_difference(self, size: int) -> None:
        blocks = [LINES[first : first + size] for first in range(0, len(LINES), size)]
        assert cut(blocks, 3) == [
            (1, True, False, ["a", "b"], 1, 4),
            (1, False, True, ["c", "d"], 0, 6),
            (2, True, True, [], 1, 8),
            (3, True, True, ["e"], 0, 10),
        ]

    def test_a_part_begins_with_an_owner(self) -> None:
        with pytest.raises(ArchiveInvalid):
            cut([[version("a")]], 3)
