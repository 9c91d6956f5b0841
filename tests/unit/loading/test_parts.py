"""What a batch is made of, without a database: steps after a failure, and rows as Postgres' binary COPY reads them."""

import struct
from dataclasses import replace
from uuid import uuid4

import pytest

from migration.lifecycle import ClaimedChunk
from migration.loading import POISON, Part, Refused, RunTerms
from migration.loading.ledger import _next_span
from migration.loading.staging import _blocks, latest_rows
from migration.values.rows import Row

CLAIM = ClaimedChunk(
    id=7, key=uuid4(), run_id=uuid4(), owner_id=uuid4(), app_id=uuid4(), seq=3, entries=1_000, payload_bytes=1,
    sha256=b"", encoding="gzip", sealed_payload=b"", wrapped_key=b"", fence=1, attempts=1, next_ordinal=0, span=None,
)  # fmt: skip
TERMS = RunTerms(uuid4(), uuid4(), "default", "1.1", "AUTO_MERGE", {}, writes=True)
ROW = Row(5, b"k" * 32, b'"key"', "notes", b'{"a":1}', 1, True, b"f" * 32)


def _part(*, span: int | None, last: int, refused: str = "") -> Part:
    why = [Refused(ROW, b"", refused, "")] if refused else []
    return Part(replace(CLAIM, span=span), TERMS, [], why, 0, last, 0)


class TestNextStep:
    @pytest.mark.parametrize(
        ("span", "last", "following"),
        [
            (None, 1_000, None),
            (125, 125, 125),
            (125, 250, 125),
            (1, 3, 1),
            (1, 8, 8),
            (2, 16, 16),
            (125, 1_000, None),
            (100, 800, None),
        ],
    )
    def test_stays_small_until_eight_have_gone_well(self, span, last, following):
        assert _next_span(_part(span=span, last=last)) == following

    def test_is_all_the_rest_once_the_culprit_is_found(self):
        assert _next_span(_part(span=1, last=11, refused=POISON)) is None
        assert _next_span(_part(span=1, last=11, refused="entry_too_large")) == 1

    def test_part_is_whole_when_it_reaches_the_end(self):
        assert _part(span=None, last=1_000).is_whole
        assert not _part(span=None, last=999).is_whole


def _read(copied: bytes) -> list[list[bytes | None]]:
    """Read Postgres' binary COPY format by its documentation."""
    assert copied[:19] == b"PGCOPY\n\xff\r\n\x00" + bytes(8)
    at, rows = 19, []
    while (count := struct.unpack_from("!h", copied, at)[0]) != -1:
        at, row = at + 2, []
        for _ in range(count):
            (length,) = struct.unpack_from("!i", copied, at)
            at += 4
            row.append(None if length < 0 else copied[at : at + length])
            at += max(length, 0)
        rows.append(row)
    assert at + 2 == len(copied)
    return rows


class TestStaging:
    def test_writes_each_row_as_postgres_reads_it(self):
        tombstone = ROW._replace(ordinal=6, value=None, queryable=False, collection="ü")
        chunk, verbatim = struct.pack("!q", 7), struct.pack("!h", 1)
        one, two = (struct.pack("!i", place) for place in (1, 2))
        assert _read(b"".join(_blocks([(7, [ROW, tombstone])]))) == [
            [chunk, one, b"k" * 32, b"f" * 32, verbatim, b"\1", b"notes", b'"key"', b'{"a":1}'],
            [chunk, two, b"k" * 32, b"f" * 32, verbatim, b"\0", "ü".encode(), b'"key"', None],
        ]

    def test_writes_large_parts_in_blocks(self):
        rows = [ROW._replace(ordinal=number, value=b"1" * 2_000) for number in range(1_000)]
        blocks = list(_blocks([(7, rows)]))
        assert len(blocks) > 3
        assert max(map(len, blocks)) < 600_000
        assert len(_read(b"".join(blocks))) == 1_000

    def test_writes_nothing_but_the_frame_for_nothing(self):
        assert _read(b"".join(_blocks([]))) == []


class TestLatestRows:
    def test_keep_the_last_of_a_key_by_seq_chunk_and_ordinal(self):
        early, late, later = (ROW._replace(ordinal=place, value=str(place).encode()) for place in (1, 2, 3))
        other = ROW._replace(key_hash=b"o" * 32)
        newer = replace(_part(span=None, last=2), claim=replace(CLAIM, id=6, seq=4), rows=[late, other, later])
        older = replace(_part(span=None, last=2), rows=[early])
        assert latest_rows([newer, older]) == [(7, []), (6, [other, later])]

    def test_keep_what_is_alike_under_another_owner(self):
        other = replace(_part(span=None, last=1), claim=replace(CLAIM, id=8, owner_id=uuid4()), rows=[ROW])
        assert latest_rows([replace(_part(span=None, last=1), rows=[ROW]), other]) == [(7, [ROW]), (8, [ROW])]
