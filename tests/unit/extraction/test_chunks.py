"""A chunk opens to what was stored, or not at all."""

import gzip
from dataclasses import dataclass, replace
from hashlib import sha256
from uuid import UUID, uuid4

import pytest
from cryptography.fernet import Fernet

from migration.errors import BackupUnreadable
from migration.extraction import DataExtractor
from migration.values.envelopes import chunk_binding, seal

KEYS = [Fernet.generate_key().decode()]
PAYLOAD = b'["a","1"]\n["b"]\n'
DIGEST = sha256(PAYLOAD).digest()


@dataclass(frozen=True)
class Sealed:
    """A chunk as the database would give it."""

    app_id: UUID
    owner_id: UUID
    run_id: UUID
    seq: int
    sha256: bytes
    encoding: str
    payload_bytes: int
    sealed_payload: bytes
    wrapped_key: bytes


def sealed(body: bytes, *, encoding: str = "gzip", payload_bytes: int = len(PAYLOAD)) -> Sealed:
    app, owner, run = uuid4(), uuid4(), uuid4()
    binding = chunk_binding(app_id=app, owner_id=owner, run_id=run, seq=4, sha256=DIGEST)
    envelope = seal(body, bound_to=binding, keys=KEYS)
    return Sealed(app, owner, run, 4, DIGEST, encoding, payload_bytes, envelope.sealed, envelope.wrapped_key)


class TestOpening:
    @pytest.mark.parametrize(
        ("body", "encoding"), [(gzip.compress(PAYLOAD), "gzip"), (PAYLOAD, "identity")], ids=["gzip", "identity"]
    )
    def test_gives_the_payload_and_its_lines(self, body: bytes, encoding: str) -> None:
        chunk, extractor = sealed(body, encoding=encoding), DataExtractor(keys=KEYS)
        assert extractor.open_payload(chunk) == PAYLOAD
        assert extractor.raw_lines(chunk) == [b'["a","1"]', b'["b"]']
        assert [(line.key, line.value) for line in extractor.chunk_lines(chunk)] == [("a", "1"), ("b", None)]

    @pytest.mark.parametrize("field", ["app_id", "owner_id", "run_id"])
    def test_refuses_a_chunk_that_was_moved(self, field: str) -> None:
        with pytest.raises(BackupUnreadable):
            DataExtractor(keys=KEYS).open_payload(replace(sealed(gzip.compress(PAYLOAD)), **{field: uuid4()}))

    def test_refuses_a_chunk_that_is_said_to_have_another_sum(self) -> None:
        with pytest.raises(BackupUnreadable):
            DataExtractor(keys=KEYS).open_payload(replace(sealed(gzip.compress(PAYLOAD)), sha256=bytes(32)))

    def test_refuses_without_the_key(self) -> None:
        with pytest.raises(BackupUnreadable):
            DataExtractor(keys=[Fernet.generate_key().decode()]).open_payload(sealed(gzip.compress(PAYLOAD)))

    @pytest.mark.parametrize(
        "body",
        [
            gzip.compress(PAYLOAD) + b"x",
            gzip.compress(PAYLOAD)[:-1],
            gzip.compress(PAYLOAD) + gzip.compress(PAYLOAD),
            gzip.compress(PAYLOAD * 1000),
            gzip.compress(b""),
            b"",
        ],
        ids=["trailing", "cut", "twice", "bomb", "empty", "nothing"],
    )
    def test_refuses_what_inflates_to_something_else(self, body: bytes) -> None:
        with pytest.raises(BackupUnreadable):
            DataExtractor(keys=KEYS).open_payload(sealed(body))

    @pytest.mark.parametrize("body", [b'["a","1"\n', b"[1,2]\n", b"words\n", b'["a"]["b"]\n', b"[]\n"])
    def test_refuses_lines_that_are_no_entries(self, body: bytes) -> None:
        with pytest.raises(BackupUnreadable):
            DataExtractor(keys=KEYS).chunk_lines(sealed(body, encoding="identity", payload_bytes=len(body)))
