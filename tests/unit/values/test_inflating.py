"""The fast inflater says what a stream holds or nothing at all."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.values.inflating import inflate_exactly

PAYLOAD = b'["todo:1","milk"]\n' * 40
BODY = gzip.compress(PAYLOAD, mtime=0)


class TestInflating:
    @given(st.binary(min_size=1, max_size=5_000), st.integers(0, 9))
    def test_gives_back_what_was_packed(self, payload: bytes, level: int) -> None:
        assert inflate_exactly(gzip.compress(payload, compresslevel=level), len(payload)) in (payload, None)

    def test_takes_a_header_with_names_and_comments(self) -> None:
        body = BODY[:3] + b"\x18" + BODY[4:10] + b"name\x00comment\x00" + BODY[10:]
        assert gzip.decompress(body) == PAYLOAD
        assert inflate_exactly(body, len(PAYLOAD)) == PAYLOAD

    @pytest.mark.parametrize("size", [0, 1, len(PAYLOAD) - 1, len(PAYLOAD) + 1, 2 * len(PAYLOAD), 2**32 - 1])
    def test_says_nothing_where_the_length_is_another(self, size: int) -> None:
        assert inflate_exactly(BODY, size) is None

    @pytest.mark.parametrize("size", [1, len(PAYLOAD) - 1, len(PAYLOAD) + 1, 2**32 - 1])
    def test_believes_no_trailer_that_lies_as_the_sender_does(self, size: int) -> None:
        assert inflate_exactly(BODY[:-4] + size.to_bytes(4, "little"), size) is None

    def test_says_nothing_of_a_part(self) -> None:
        for length in range(len(BODY)):
            assert inflate_exactly(BODY[:length], len(PAYLOAD)) is None

    @pytest.mark.parametrize("tail", [b"\x00", b"x", BODY[-8:-4], BODY], ids=["nul", "byte", "sum", "twin"])
    def test_says_nothing_where_something_follows(self, tail: bytes) -> None:
        assert inflate_exactly(BODY + tail, len(PAYLOAD)) is None

    @given(st.binary(max_size=300), st.integers(0, 300))
    def test_raises_nothing(self, body: bytes, size: int) -> None:
        assert inflate_exactly(body, size) is None or gzip.decompress(body)
