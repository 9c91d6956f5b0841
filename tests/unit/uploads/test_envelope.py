"""The envelope of a chunk against everything a sender can do to it."""

import gzip
import hashlib
import zlib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migration.errors import ChecksumMismatch, EncodingInvalid, InflateLimit, MigrationError, TooLarge
from migration.uploads import GZIP, IDENTITY, Envelope, Limits, open_envelope

LIMITS = Limits(body=100_000, inflated=1_000_000, ratio=200)
PAYLOAD = b'["todo:1","milk"]\n' * 40
BODY = gzip.compress(PAYLOAD, mtime=0)


def envelope(
    body: bytes = BODY, *, payload: bytes = PAYLOAD, encoding: str = GZIP, length: int | None = None
) -> Envelope:
    return Envelope(body, encoding, hashlib.sha256(payload).digest(), len(payload) if length is None else length)


class TestOpening:
    @pytest.mark.parametrize(("body", "encoding"), [(BODY, GZIP), (PAYLOAD, IDENTITY)], ids=[GZIP, IDENTITY])
    def test_returns_the_payload(self, body: bytes, encoding: str) -> None:
        assert open_envelope(envelope(body, encoding=encoding), limits=LIMITS) == PAYLOAD

    @given(st.binary(max_size=5_000), st.integers(0, 9))
    def test_returns_any_payload_whatever_its_compression(self, payload: bytes, level: int) -> None:
        body = gzip.compress(payload, compresslevel=level)
        assert open_envelope(envelope(body, payload=payload), limits=LIMITS) == payload

    def test_refuses_a_stream_cut_off_anywhere(self) -> None:
        for length in range(len(BODY)):
            with pytest.raises(EncodingInvalid):
                open_envelope(envelope(BODY[:length]), limits=LIMITS)

    def test_lets_no_flipped_bit_change_the_payload(self) -> None:
        opened = 0
        for bit in range(len(BODY) * 8):
            flipped = bytearray(BODY)
            flipped[bit // 8] ^= 1 << bit % 8
            try:
                assert open_envelope(envelope(bytes(flipped)), limits=LIMITS) == PAYLOAD
                opened += 1
            except MigrationError:
                pass
        # Only the header's time, system and hint bytes say nothing of the payload.
        assert opened <= 6 * 8 + 8

    @pytest.mark.parametrize("tail", [b"\x00", b"x", BODY, gzip.compress(b"")], ids=["nul", "byte", "twin", "empty"])
    def test_refuses_what_follows_the_stream(self, tail: bytes) -> None:
        with pytest.raises(EncodingInvalid):
            open_envelope(envelope(BODY + tail), limits=LIMITS)

    @pytest.mark.parametrize(
        "body", [PAYLOAD, zlib.compress(PAYLOAD), b"", b"\x1f\x8b"], ids=["plain", "zlib", "none", "two"]
    )
    def test_refuses_what_is_not_gzip(self, body: bytes) -> None:
        with pytest.raises(EncodingInvalid):
            open_envelope(envelope(body), limits=LIMITS)

    @pytest.mark.parametrize("encoding", ["br", "deflate", "x-gzip", "", "gzip, gzip"])
    def test_refuses_other_encodings(self, encoding: str) -> None:
        with pytest.raises(EncodingInvalid):
            open_envelope(envelope(encoding=encoding), limits=LIMITS)

    def test_refuses_another_checksum(self) -> None:
        with pytest.raises(ChecksumMismatch):
            open_envelope(envelope(payload=PAYLOAD[::-1]), limits=LIMITS)

    @pytest.mark.parametrize("difference", [-1, 1])
    def test_refuses_another_length(self, difference: int) -> None:
        with pytest.raises(ChecksumMismatch):
            open_envelope(envelope(length=len(PAYLOAD) + difference), limits=LIMITS)

    @settings(max_examples=300)
    @given(st.binary(max_size=300))
    def test_raises_only_what_it_declares(self, body: bytes) -> None:
        for encoding in (GZIP, IDENTITY):
            with suppress(EncodingInvalid, ChecksumMismatch, InflateLimit):
                assert open_envelope(envelope(body, encoding=encoding), limits=LIMITS) == PAYLOAD


class TestLimits:
    def test_refuses_a_body_of_one_byte_too_many(self) -> None:
        payload = b"x" * 101
        limits = Limits(body=100, inflated=1_000, ratio=200)
        assert open_envelope(envelope(payload[:100], payload=payload[:100], encoding=IDENTITY), limits=limits)
        with pytest.raises(TooLarge):
            open_envelope(envelope(payload, payload=payload, encoding=IDENTITY), limits=limits)

    def test_refuses_an_announced_length_beyond_the_limit_without_opening(self) -> None:
        with pytest.raises(InflateLimit):
            open_envelope(envelope(b"not even gzip", length=LIMITS.inflated + 1), limits=LIMITS)

    def test_stops_a_bomb_at_the_cap_whatever_it_announces(self) -> None:
        bomb = gzip.compress(bytes(100_000_000), mtime=0)
        for length in (10, LIMITS.inflated):
            with pytest.raises(InflateLimit):
                open_envelope(envelope(bomb, length=length), limits=LIMITS)

    def test_allows_up_to_the_cap_and_not_one_byte_more(self) -> None:
        limits = Limits(body=100_000, inflated=70_000, ratio=200)
        for size, fits in ((70_000, True), (70_001, False)):
            payload = bytes(range(256)) * 300
            payload = payload[:size]
            body = gzip.compress(payload, compresslevel=0)
            if fits:
                assert len(open_envelope(envelope(body, payload=payload), limits=limits)) == size
            else:
                with pytest.raises(InflateLimit):
                    open_envelope(envelope(body, payload=payload), limits=limits)

    def test_lets_small_bodies_inflate_far_and_large_ones_by_the_ratio(self) -> None:
        assert LIMITS.cap(10) == 65_536
        assert LIMITS.cap(1_000) == 200_000
        assert LIMITS.cap(50_000) == LIMITS.inflated
