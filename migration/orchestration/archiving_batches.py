"""An archive's lines on their way to the loader: read, decoded, mapped, cut into batches. No database here."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import compress
from uuid import UUID

from migration.archives import ArchiveReader, OwnerLine, Place, Slice
from migration.archives.reading import READ_AT_ONCE
from migration.config import setting
from migration.loading import AdaptiveBatcher, MigrationPipeline
from migration.mapping import map_rows
from migration.values.lines import Lines
from migration.values.rows import Row

Cut = tuple[Slice, Place]
_TOGETHER = 500
"""Lines handed on at a time: a queue's turn costs more than a few lines, and all that waits in one takes memory."""


@dataclass(slots=True)
class Piece:
    """A slice with a row for each of its versions."""

    slice: Slice
    rows: list[Row]
    bytes: int = 0
    """Of the lines it was made of."""


@dataclass(slots=True)
class Batch:
    """Pieces that are written together, and the place behind them."""

    pieces: list[Piece] = field(default_factory=list)
    place: Place = field(default_factory=Place)
    lines: int = 0
    bytes: int = 0


@dataclass(slots=True)
class Batches:
    """Cuts an archive into batches, as large as `batcher` says when each is cut."""

    reader: ArchiveReader
    batcher: AdaptiveBatcher
    collections: frozenset[str] | None = None
    sampled: int | None = None
    """How many owners to take, spread over all; None: every one."""

    def from_(self, place: Place, *, continuing: OwnerLine | None, parts: int | None = None) -> Iterator[Batch]:
        """Yield batches from `place` on, of so many parts or all; reading and decoding go on while the caller works."""
        self._slice()
        slices = self.reader.slices(place, continuing=continuing, parts=parts)
        return MigrationPipeline(self._chosen, self._cut).run(slices)

    def measured(self, batch: Batch, *, seconds: float) -> None:
        """Have the next batch be as large as the last one's time and memory say."""
        self.batcher = self.batcher.measured(records=batch.lines, seconds=seconds, bytes_held=batch.bytes)
        self._slice()

    def _slice(self) -> None:
        self.reader.slice_lines = min(READ_AT_ONCE, self.batcher.size.records)

    def _chosen(self, slices: Iterator[Cut]) -> Iterator[list[Cut]]:
        """Hand slices on some at a time: a queue's turn costs more than a small one."""
        gathered: list[Cut] = []
        lines = 0
        for piece, place in slices:
            if self._is_sampled(piece.owner.id):
                gathered.append((self._narrowed(piece), place))
                lines += len(piece)
            if lines >= min(self.batcher.size.records, _TOGETHER):
                yield gathered
                gathered, lines = [], 0
        yield gathered

    def _cut(self, groups: Iterator[list[Cut]]) -> Iterator[Batch]:
        batch = Batch()
        for group in groups:
            for piece, (_, place) in zip(mapped([one for one, _ in group]), group, strict=True):
                batch.pieces.append(piece)
                batch.place = place
                batch.lines += len(piece.slice) + piece.slice.begins
                batch.bytes += piece.bytes
                if batch.lines >= self.batcher.size.records or batch.bytes >= self.batcher.memory_bytes:
                    yield batch
                    batch = Batch()
        if batch.pieces:
            yield batch

    def _is_sampled(self, owner_id: UUID) -> bool:
        owners = self.reader.manifest.counts.get("owners", 0)
        if self.sampled is None or self.sampled >= owners:
            return True
        return int.from_bytes(owner_id.bytes[-4:], "big") % max(owners // max(self.sampled, 1), 1) == 0

    def _narrowed(self, piece: Slice) -> Slice:
        if self.collections is not None:
            wanted = [one.collection in self.collections for one in piece.versions]
            piece.versions = list(compress(piece.versions, wanted))
            piece.lines = Lines.of(compress(piece.lines, wanted))
            piece.beside = {
                kind: [row for row in rows if row.get("collection", "") in {"", *self.collections}]
                for kind, rows in piece.beside.items()
            }
        return piece


def mapped(slices: Iterable[Slice]) -> list[Piece]:
    """Return each slice with its rows, made of the lines of all of them at once, which are let go.

    That the lines are canonical was seen when they were read.
    """
    listed = list(slices)
    names = [one.collection for piece in listed for one in piece.versions]
    rows = map_rows(Lines.joined([piece.lines for piece in listed]), label_all=lambda _: names)
    pieces, end = [], 0
    for piece in listed:
        begun, end = end, end + len(piece.versions)
        pieces.append(Piece(piece, rows[begun:end], sum(map(len, piece.lines.raws))))
        piece.lines = Lines([], [], [])
    return pieces


def batcher() -> AdaptiveBatcher:
    """Return the batcher the settings ask for."""
    return AdaptiveBatcher.starting(
        target_seconds=setting("ARCHIVE_BATCH_SECONDS"),
        least=setting("ARCHIVE_BATCH_LEAST"),
        start=setting("ARCHIVE_BATCH_START"),
        most=setting("ARCHIVE_BATCH_MOST"),
        memory_bytes=setting("ARCHIVE_BATCH_MEMORY"),
    )
