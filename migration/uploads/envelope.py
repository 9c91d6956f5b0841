"""Opening the envelope of a chunk: how much may arrive, how far it may inflate, whether it is what was announced.

Nothing in here trusts the sender: output stops at the cap however small the input is, a gzip stream must end and
nothing may follow it, and the announced length and SHA-256 must be those of the inflated payload.
"""

import hashlib
import hmac
from dataclasses import dataclass

from isal import isal_zlib

from migration.config import setting
from migration.errors import ChecksumMismatch, EncodingInvalid, InflateLimit, TooLarge
from migration.values.inflating import inflate_exactly

GZIP, IDENTITY = "gzip", "identity"
# However small a body is, it may inflate to this much: short repetitive payloads compress very well.
ALWAYS_ALLOWED = 65_536
_GZIP_WINDOW = 31
_DAMAGED: type[Exception] = isal_zlib.error  # type: ignore[assignment] # its types call the class an instance


@dataclass(frozen=True, slots=True)
class Limits:
    """What a chunk may weigh, in bytes: as sent, once inflated, and how many times its size that may be."""

    body: int
    inflated: int
    ratio: int

    def cap(self, body_bytes: int) -> int:
        """Return how far a body of this size may inflate."""
        return min(self.inflated, max(ALWAYS_ALLOWED, self.ratio * body_bytes))


@dataclass(frozen=True, slots=True)
class Envelope:
    """A chunk's body as received, with what its sender announced of the payload inside."""

    body: bytes
    encoding: str
    sha256: bytes
    payload_bytes: int


def limits_for(entries: int) -> Limits:
    """Return the limits of a chunk of so many entries: one entry cannot be cut in two, so it may be larger."""
    if entries == 1:
        whole = int(setting("SINGLE_ENTRY_BYTES"))
        return Limits(body=whole, inflated=whole, ratio=int(setting("INFLATE_RATIO")))
    return Limits(
        body=int(setting("CHUNK_BYTES")), inflated=int(setting("INFLATED_BYTES")), ratio=int(setting("INFLATE_RATIO"))
    )


def open_envelope(envelope: Envelope, *, limits: Limits) -> bytes:
    """Return the payload inside.

    Raises TooLarge, InflateLimit, EncodingInvalid or ChecksumMismatch; never holds more than the cap and one byte.
    """
    if len(envelope.body) > limits.body:
        raise TooLarge(f"A chunk may have {limits.body} bytes.", limit=limits.body)
    if envelope.payload_bytes > limits.inflated:
        raise InflateLimit(f"A chunk may inflate to {limits.inflated} bytes.", limit=limits.inflated)
    payload = _inflate(envelope, limits.cap(len(envelope.body)))
    if len(payload) != envelope.payload_bytes:
        raise ChecksumMismatch("The payload does not have the announced length.")
    if not hmac.compare_digest(hashlib.sha256(payload).digest(), envelope.sha256):
        raise ChecksumMismatch
    return payload


def _inflate(envelope: Envelope, cap: int) -> bytes:
    if envelope.encoding == IDENTITY:
        return envelope.body
    if envelope.encoding != GZIP:
        raise EncodingInvalid("The content encoding is neither gzip nor identity.")
    size = envelope.payload_bytes
    if size <= cap and (payload := inflate_exactly(envelope.body, size)) is not None:
        return payload
    return _judged(envelope.body, cap)


def _judged(body: bytes, cap: int) -> bytes:
    """Inflate what is not as announced, as far as it may be, to say what is wrong with it."""
    stream = isal_zlib.decompressobj(wbits=_GZIP_WINDOW)
    try:
        payload = stream.decompress(body, cap + 1)
    except _DAMAGED as error:
        raise EncodingInvalid("The gzip stream is damaged.") from error
    if len(payload) > cap:
        raise InflateLimit(f"This body may inflate to {cap} bytes.", limit=cap)
    if not stream.eof:
        raise EncodingInvalid("The gzip stream is cut off.")
    if stream.unused_data:
        raise EncodingInvalid("Other bytes follow the gzip stream.")
    return bytes(payload)
