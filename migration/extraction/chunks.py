"""Chunks as received → payloads → lines.

Memory stays flat: one chunk is open at a time, and no chunk is larger than intake allows.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol
from uuid import UUID

from django.db.models import Q
from isal import isal_zlib

from migration.asking import ask
from migration.config import encryption_keys
from migration.errors import BackupUnreadable, LineForm
from migration.models import Chunk
from migration.values.envelopes import Envelope, chunk_binding, unseal
from migration.values.inflating import inflate_exactly
from migration.values.lines import Lines, read_slices
from migration.values.questions import Statement

_PAGE = 4
_PAGE_BYTES = 4 << 20
_SEALED = Statement("""
SELECT run_id, app_id, owner_id, seq, sha256, sealed_payload, wrapped_key FROM migration_chunk
WHERE id = ANY(%s::bigint[])
""")
_GZIP = 31  # zlib's window bits for "gzip header and checksum"


class SealedChunk(Protocol):
    """What opening needs of a chunk; the model and a worker's claim both have it."""

    @property
    def app_id(self) -> UUID: ...
    @property
    def owner_id(self) -> UUID: ...
    @property
    def run_id(self) -> UUID: ...
    @property
    def seq(self) -> int: ...
    @property
    def sha256(self) -> bytes | memoryview: ...
    @property
    def encoding(self) -> str: ...
    @property
    def payload_bytes(self) -> int: ...
    @property
    def sealed_payload(self) -> bytes | memoryview: ...
    @property
    def wrapped_key(self) -> bytes | memoryview: ...


class DataExtractor:
    """Opens chunks under one set of wrapping keys."""

    def __init__(self, *, keys: Sequence[str] | None = None) -> None:
        """Use `keys`, or those the environment names now."""
        self._keys = encryption_keys() if keys is None else keys

    def open_payload(self, chunk: SealedChunk) -> bytes:
        """Return a chunk's payload: canonical lines, each ended by a newline.

        Raises BackupUnreadable when a bit of it has changed, it was moved, or its key is not available.
        """
        whose = {"app_id": chunk.app_id, "owner_id": chunk.owner_id, "run_id": chunk.run_id}
        envelope = Envelope(bytes(chunk.sealed_payload), bytes(chunk.wrapped_key))
        received = unseal(
            envelope, bound_to=chunk_binding(**whose, seq=chunk.seq, sha256=chunk.sha256), keys=self._keys
        )
        payload = received if chunk.encoding == "identity" else _inflate(received, chunk.payload_bytes)
        if len(payload) != chunk.payload_bytes:
            raise BackupUnreadable("A chunk does not have the length it was stored with.")
        return payload

    def chunk_slices(self, chunk: SealedChunk) -> Iterator[Lines]:
        """Yield a chunk's entries some at a time, which is the fastest way through them. Raises BackupUnreadable."""
        try:
            yield from read_slices(self.open_payload(chunk))
        except LineForm as error:
            raise BackupUnreadable("A chunk holds something else than canonical lines.") from error

    def chunk_lines(self, chunk: SealedChunk) -> Lines:
        """Return a chunk's entries. Raises BackupUnreadable."""
        return Lines.joined(list(self.chunk_slices(chunk)))

    def raw_lines(self, chunk: SealedChunk) -> list[bytes]:
        """Return a chunk's canonical lines as they are: intake has judged their form. Raises BackupUnreadable."""
        return self.open_payload(chunk)[:-1].split(b"\n")

    def damaged_runs(self, run_ids: Sequence[UUID]) -> set[UUID]:
        """Return those of these runs of which a chunk does not open.

        Opened means unsealed: the seal is bound to the sum that intake has held the inflated payload to.
        A few megabytes are in memory at a time.
        """
        damaged = set()
        listed = Chunk.objects.filter(run_id__in=run_ids).values_list("id", "payload_bytes")
        for page in _pages(list(listed)):
            for run_id, app_id, owner_id, seq, digest, sealed, wrapped_key in ask(_SEALED.of([page])):
                binding = chunk_binding(app_id=app_id, owner_id=owner_id, run_id=run_id, seq=seq, sha256=digest)
                try:
                    unseal(Envelope(sealed, wrapped_key), bound_to=binding, keys=self._keys)
                except BackupUnreadable:
                    damaged.add(run_id)
        return damaged

    def run_chunks(self, run_id: UUID) -> Iterator[Chunk]:
        """Yield a run's chunks in order (seq, id), a few in memory at a time: for most runs one query is all."""
        waiting = Chunk.objects.filter(run_id=run_id).order_by("seq", "id")
        page = list(waiting[:_PAGE])
        while page:
            yield from page
            last = page[-1]
            after = Q(seq__gt=last.seq) | Q(seq=last.seq, id__gt=last.id)
            page = list(waiting.filter(after)[:_PAGE]) if len(page) == _PAGE else []

    def run_lines(self, run_id: UUID) -> Iterator[tuple[Chunk, Lines]]:
        """Yield a run's chunks in order (seq, id) with their entries, one chunk in memory at a time."""
        for chunk in self.run_chunks(run_id):
            yield chunk, self.chunk_lines(chunk)


def open_payload(chunk: SealedChunk) -> bytes:
    """Open one chunk under the configured keys; see `DataExtractor.open_payload`."""
    return DataExtractor().open_payload(chunk)


def run_lines(run_id: UUID) -> Iterator[tuple[Chunk, Lines]]:
    """Read a run's entries under the configured keys; see `DataExtractor.run_lines`."""
    return DataExtractor().run_lines(run_id)


def _pages(sizes: Sequence[tuple[int, int]]) -> Iterator[list[int]]:
    """Cut ids into pages of few bytes; what is larger stands alone."""
    page: list[int] = []
    weight = 0
    for chunk_id, size in sizes:
        if page and weight + size > _PAGE_BYTES:
            yield page
            page, weight = [], 0
        page.append(chunk_id)
        weight += size
    if page:
        yield page


def _inflate(received: bytes, expected: int) -> bytes:
    payload = inflate_exactly(received, expected)
    return _streamed(received, expected) if payload is None else payload


def _streamed(received: bytes, expected: int) -> bytes:
    stream = isal_zlib.decompressobj(wbits=_GZIP)
    try:
        payload = stream.decompress(received, max_length=expected + 1)
    except isal_zlib.error as error:  # type: ignore[misc] # its stub declares an instance
        raise BackupUnreadable("A chunk does not inflate.") from error
    if not stream.eof or stream.unused_data:
        raise BackupUnreadable("A chunk inflates to something else than it was stored with.")
    return bytes(payload)
