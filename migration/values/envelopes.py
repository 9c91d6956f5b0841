"""Sealing bytes with AES-256-GCM under a key of their own, itself wrapped by rotatable keys.

A stolen dump shows nothing without the wrapping keys; rotating those rewraps 32 bytes, not the data.
`bound_to` (app, owner, run, seq, sum of the payload) is authenticated, so a sealed chunk moved to another row does not
open, and one that opens is what intake has held to that sum.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from migration.errors import BackupUnreadable

NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Envelope:
    """Sealed bytes: nonce and ciphertext, and the key they need, wrapped."""

    sealed: bytes
    wrapped_key: bytes


def wrapper(keys: Sequence[str]) -> MultiFernet:
    """Build the wrapper from the configured keys: the first wraps, all unwrap."""
    return MultiFernet([Fernet(key) for key in keys])


def seal(plain: bytes, *, bound_to: str, keys: Sequence[str]) -> Envelope:
    """Encrypt `plain` under a fresh key and wrap that key."""
    key, nonce = AESGCM.generate_key(256), os.urandom(NONCE_BYTES)
    sealed = nonce + AESGCM(key).encrypt(nonce, plain, bound_to.encode())
    return Envelope(sealed, wrapper(keys).encrypt(key))


def unseal(envelope: Envelope, *, bound_to: str, keys: Sequence[str]) -> bytes:
    """Decrypt. Raises BackupUnreadable when the key is not available or a single bit has changed."""
    try:
        key = wrapper(keys).decrypt(envelope.wrapped_key)
        return AESGCM(key).decrypt(envelope.sealed[:NONCE_BYTES], envelope.sealed[NONCE_BYTES:], bound_to.encode())
    except (InvalidToken, InvalidTag, ValueError) as error:
        raise BackupUnreadable from error


def rewrap(envelope: Envelope, *, keys: Sequence[str]) -> Envelope:
    """Wrap the envelope's key under the first of `keys`; the sealed bytes stay. Raises BackupUnreadable."""
    try:
        return Envelope(envelope.sealed, wrapper(keys).rotate(envelope.wrapped_key))
    except InvalidToken as error:
        raise BackupUnreadable from error


def wrapped_under(wrapped: bytes, *, keys: Sequence[str]) -> int | None:
    """Return the place in `keys` of the one that unwraps `wrapped`; None when none does."""
    for place, key in enumerate(keys):
        try:
            Fernet(key).decrypt(wrapped)
        except InvalidToken:
            continue
        return place
    return None


def chunk_binding(*, app_id: object, owner_id: object, run_id: object, seq: int, sha256: bytes | memoryview) -> str:
    """Return what a chunk's envelope is bound to: its place, and the sum its payload was held to when it came."""
    return f"chunk:{app_id}:{owner_id}:{run_id}:{seq}:{sha256.hex()}"
