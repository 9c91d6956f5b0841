"""Fingerprints of entries and order-independent digests of sets of them, as semantics 1 defines them."""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable


def fingerprint(line: bytes) -> bytes:
    """Return SHA-256 of a canonical line (without newline), 32 bytes."""
    return hashlib.sha256(line).digest()


def key_hash(key_literal: bytes) -> bytes:
    """Return SHA-256 of `JSON.stringify(key)` in UTF-8, 32 bytes: the key's part of a record's identity."""
    return hashlib.sha256(key_literal).digest()


def bucket_of(hash_of_key: bytes) -> str:
    """Return the bucket of a key: the first byte of its hash as two hex digits."""
    return f"{hash_of_key[0]:02x}"


def set_digest(fingerprints: Iterable[bytes]) -> bytes:
    """Return SHA-256 over the sorted fingerprints: equal for equal sets, whatever their order."""
    digest = hashlib.sha256()
    for one in sorted(fingerprints):
        digest.update(one)
    return digest.digest()


def to_wire(raw: bytes) -> str:
    """Write a hash as the wire writes it: base64url without padding."""
    return urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()


def from_wire(text: str) -> bytes:
    """Read a 32-byte hash from the wire. Raises ValueError for anything else."""
    raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if len(raw) != 32 or to_wire(raw) != text:
        raise ValueError("not a base64url SHA-256")
    return raw
