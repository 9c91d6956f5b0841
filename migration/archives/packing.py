"""What lies between a part's lines and its file: compression, and sealing in frames.

A sealed part is a row of frames, each its length and AES-256-GCM under the part's own key. A frame's number is its
nonce and stands, with whether it is the last, in what is authenticated: none can be left out, moved or added.
"""

import io
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any, Protocol, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from isal import igzip, isal_zlib

from migration.errors import ArchiveDamaged, ArchiveLocked, ArchiveTooLarge
from migration.values.envelopes import Envelope, seal, unseal

FRAME = 1024 * 1024
READ = 256 * 1024
_LENGTH = struct.Struct("!I")
_NONCE = struct.Struct("!IQ")
_GZIP = 31
# isal publishes no types.
_GZIP_FILE: Callable[..., Any] = igzip.GzipFile
_INFLATER: Callable[..., Any] = isal_zlib.decompressobj
_INFLATE_ERROR: type[Exception] = cast("type[Exception]", isal_zlib.error)
_WINDOW = 64 * 1024 * 1024
"""Memory a zstd stream may ask for: more than level 19 takes, less than what would hurt."""

SUFFIXES = {"gzip": ".gz", "zstd": ".zst", "none": ""}


class Sink(Protocol):
    """Takes bytes until it is closed."""

    def write(self, data: bytes, /) -> int: ...

    def close(self) -> None: ...


def compressed(target: Sink, compression: str) -> Sink:
    """Return a sink that compresses into `target`, which it does not close."""
    if compression == "gzip":
        return cast("Sink", _GZIP_FILE(fileobj=cast("IO[bytes]", target), mode="wb", compresslevel=1, mtime=0))
    if compression == "zstd":
        import zstandard  # not for processes that never see an archive

        return cast("Sink", zstandard.ZstdCompressor(level=3).stream_writer(cast("IO[bytes]", target), closefd=False))
    return _Open(target)


class _Open:
    """Writes through, and leaves its target open."""

    def __init__(self, target: Sink) -> None:
        self._target = target

    def write(self, data: bytes, /) -> int:
        return self._target.write(data)

    def close(self) -> None:
        """Leave the target as it is."""


class Sealing:
    """A sink that seals what it gets, frame by frame; `wrapped_key` opens it."""

    def __init__(self, target: Sink, *, bound_to: str, keys: list[str]) -> None:
        """Make the part's key; nothing is written yet."""
        key = AESGCM.generate_key(256)
        self.wrapped_key = wrap(key, bound_to=bound_to, keys=keys)
        self._cipher, self._target, self._bound_to = AESGCM(key), target, bound_to
        self._waiting, self._number = bytearray(), 0

    def write(self, data: bytes, /) -> int:
        """Seal every full frame; the last one waits for `close`, which knows that it is."""
        self._waiting += data
        while len(self._waiting) > FRAME:
            self._frame(bytes(self._waiting[:FRAME]), last=False)
            del self._waiting[:FRAME]
        return len(data)

    def flush(self) -> None:
        """Nothing can be flushed before a frame is full."""

    def close(self) -> None:
        """Seal what is left as the last frame."""
        self._frame(bytes(self._waiting), last=True)

    def _frame(self, plain: bytes, *, last: bool) -> None:
        sealed = self._cipher.encrypt(*_place(self._number, plain, self._bound_to, last=last))
        self._target.write(_LENGTH.pack(len(sealed)) + sealed)
        self._number += 1


def wrap(key: bytes, *, bound_to: str, keys: list[str]) -> str:
    """Wrap a key, or anything short, so that it opens only at the place it is bound to."""
    envelope = seal(key, bound_to=bound_to, keys=keys)
    return f"{envelope.wrapped_key.decode()}.{envelope.sealed.hex()}"


def unwrap(wrapped: str, *, bound_to: str, keys: list[str]) -> bytes:
    """Open what `wrap` made. Raises BackupUnreadable for a key that is not there, or another place."""
    wrapped_key, _, sealed = wrapped.partition(".")
    try:
        envelope = Envelope(bytes.fromhex(sealed), wrapped_key.encode())
    except ValueError as error:
        raise ArchiveLocked from error
    return unseal(envelope, bound_to=bound_to, keys=keys)


def unsealed(file: IO[bytes], *, key: bytes, bound_to: str) -> Iterator[bytes]:
    """Yield what was sealed, frame by frame. Raises ArchiveDamaged for anything left out, added or altered."""
    cipher, number, head = AESGCM(key), 0, file.read(4)
    while head:
        length = _LENGTH.unpack(head)[0] if len(head) == 4 else 0
        if not 16 <= length <= FRAME + 16:
            raise ArchiveDamaged("A sealed part holds a frame of a size that none can have.")
        sealed, head = file.read(length), file.read(4)
        try:
            yield cipher.decrypt(*_place(number, sealed, bound_to, last=not head))
        except InvalidTag as error:
            raise ArchiveDamaged("A sealed part has been altered or cut off.") from error
        number += 1
    if not number:
        raise ArchiveDamaged("A sealed part is empty.")


def _place(number: int, data: bytes, bound_to: str, *, last: bool) -> tuple[bytes, bytes, bytes]:
    return _NONCE.pack(int(last), number), data, f"{bound_to}:{number}:{last}".encode()


def raw_blocks(file: IO[bytes]) -> Iterator[bytes]:
    """Yield a file's bytes."""
    while block := file.read(READ):
        yield block


def inflated(blocks: Iterator[bytes], compression: str, *, most: int) -> Iterator[bytes]:
    """Yield what `blocks` inflate to, a bounded piece at a time.

    Raises ArchiveTooLarge behind `most` bytes, ArchiveDamaged for what is cut off, altered or followed by other bytes.
    """
    pieces = _INFLATED[compression](blocks)
    total = 0
    try:
        for piece in pieces:
            total += len(piece)
            if total > most:
                raise ArchiveTooLarge(f"It inflates to more than {most} bytes.")
            yield piece
    except (zlib.error, _INFLATE_ERROR, EOFError) as error:
        raise ArchiveDamaged("Compressed data is damaged or cut off.") from error


def _gunzipped(blocks: Iterator[bytes]) -> Iterator[bytes]:
    inflater, begun = _INFLATER(_GZIP), False
    for block in blocks:
        waiting = block
        while waiting:
            if inflater.eof:  # one more member, as `cat a.gz b.gz` makes them
                inflater, begun = _INFLATER(_GZIP), False
            piece = inflater.decompress(waiting, FRAME)
            begun = True
            if piece:
                yield piece
            waiting = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
    while begun and not inflater.eof:
        piece = inflater.decompress(b"", FRAME)
        if not piece:
            raise EOFError
        yield piece


def _unzstd(blocks: Iterator[bytes]) -> Iterator[bytes]:
    import zstandard

    reader = zstandard.ZstdDecompressor(max_window_size=_WINDOW).stream_reader(
        cast("IO[bytes]", _Blocks(blocks)), read_size=READ, read_across_frames=True
    )
    try:
        while piece := reader.read(FRAME):
            yield piece
    except zstandard.ZstdError as error:
        raise EOFError from error


_INFLATED: dict[str, Callable[[Iterator[bytes]], Iterator[bytes]]] = {
    "gzip": _gunzipped,
    "zstd": _unzstd,
    "none": iter,
}


class _Blocks(io.RawIOBase):
    """Blocks as a file, for a library that reads one."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks, self._rest = blocks, b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        if not self._rest:
            self._rest = next(self._blocks, b"")
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


def sync(path: str) -> None:
    """Have the operating system write a file or folder through to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
