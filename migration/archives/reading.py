"""Our own archives, read: checked whole before anything is done with them, then slice by slice."""

import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import IO

from migration.archives.lines import OwnerLine, Slice, read_owner, read_row, read_versions
from migration.archives.manifest import LARGEST, NAME, Manifest, PartFile, read_manifest
from migration.archives.packing import inflated, raw_blocks, unsealed, unwrap
from migration.errors import ArchiveDamaged, ArchiveInvalid, ArchiveLocked, ArchiveTooLarge, BackupUnreadable

READ_AT_ONCE = 512
"""Lines of an owner read at a time, unless fewer are asked for."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far an archive has been read: lines of a part, both counted from 0."""

    part: int = 0
    line: int = 0


class ArchiveReader:
    """An archive on disk. Holds no file open between calls."""

    def __init__(self, path: Path, *, keys: list[str], longest_line: int) -> None:
        """Read the manifest. Raises ArchiveInvalid, ArchiveVersion, ArchiveDamaged, ArchiveLocked."""
        self._path, self._keys, self._longest = path, keys, longest_line
        self.slice_lines = READ_AT_ONCE
        self.manifest = self._manifest()
        self._bound_to = bound_to(self.manifest)
        if self.manifest.encrypted:
            self._open_seal()

    def check_files(self) -> None:
        """Hold every part's file to its size and SHA-256. Raises ArchiveDamaged for the first that differs."""
        for part in self.manifest.parts:
            with self._open(part) as file:
                digest = sha256()
                for block in raw_blocks(file):
                    digest.update(block)
                if file.tell() != part.size or digest.hexdigest() != part.sha256:
                    raise ArchiveDamaged(f"{part.name} is not the file its manifest names.", part=part.name)

    def slices(
        self, place: Place = Place(), *, continuing: OwnerLine | None = None, parts: int | None = None
    ) -> Iterator[tuple[Slice, Place]]:
        """Yield slices from `place` on, each with the place behind it; of so many parts, or of all that follow.

        Raises ArchiveInvalid, ArchiveTooLarge, and ArchiveDamaged when a part turns out not to hold what its manifest
        says; that is told behind its last slice. `continuing` is whose lines stand at `place`.
        """
        owner, every = continuing, len(self.manifest.parts)
        for number in range(place.part, every if parts is None else min(every, place.part + parts)):
            skipped = place.line if number == place.part else 0
            for piece, line in self._part_slices(self.manifest.parts[number], skipped, owner):
                owner = piece.owner
                yield piece, Place(number, line)

    def lines(self, part: PartFile) -> Iterator[bytes]:
        """Yield a part's lines and hold them to its manifest. Raises as `slices`."""
        digest, count = sha256(), 0
        for line in _split(self._blocks(part), digest.update, longest=self._longest):
            count += 1
            if count > part.lines:
                raise ArchiveDamaged(f"{part.name} holds more lines than its manifest says.", part=part.name)
            yield line
        if count != part.lines or not hmac.compare_digest(digest.hexdigest(), part.content_sha256):
            raise ArchiveDamaged(f"{part.name} does not hold the lines its manifest names.", part=part.name)

    def _part_slices(self, part: PartFile, skipped: int, owner: OwnerLine | None) -> Iterator[tuple[Slice, int]]:
        """A part holds whole owners; within an owner, slices end after so many lines."""
        piece = Slice(owner, begins=False) if owner is not None and skipped else None
        waiting: list[bytes] = []
        at = skipped
        for at, line in enumerate(islice(self.lines(part), skipped, None), start=skipped + 1):
            if line.startswith(b'{"owner":'):
                if piece is not None:
                    yield _ended(piece, waiting), at - 1
                piece, waiting = Slice(read_owner(line)), []
            elif piece is None:
                raise ArchiveInvalid("A part does not begin with the line of an owner.", part=part.name)
            else:
                _take(line, piece, waiting)
            if len(waiting) + len(piece) >= self.slice_lines:
                piece.versions = read_versions(waiting)
                yield piece, at
                piece, waiting = Slice(piece.owner, begins=False), []
        if piece is not None:
            yield _ended(piece, waiting), at

    def _blocks(self, part: PartFile) -> Iterator[bytes]:
        with self._open(part) as file:
            blocks = raw_blocks(file)
            if self.manifest.encrypted:
                place = f"{self._bound_to}:{part.name}"
                try:
                    key = unwrap(part.wrapped_key, bound_to=place, keys=self._keys)
                except BackupUnreadable as error:
                    raise ArchiveLocked from error
                blocks = unsealed(file, key=key, bound_to=place)
            yield from inflated(blocks, self.manifest.compression, most=part.bytes)

    def _open(self, part: PartFile) -> IO[bytes]:
        try:
            return (self._path / part.name).open("rb")
        except OSError as error:
            raise ArchiveDamaged(f"{part.name} cannot be read: {error.strerror}.", part=part.name) from error

    def _manifest(self) -> Manifest:
        try:
            with (self._path / NAME).open("rb") as file:
                raw = file.read(LARGEST + 1)
        except OSError as error:
            raise ArchiveInvalid(f"There is no archive at {self._path}: {error.strerror}.") from error
        if len(raw) > LARGEST:
            raise ArchiveTooLarge("The manifest is larger than any manifest is.")
        return read_manifest(raw)

    def _open_seal(self) -> None:
        try:
            unwrap(self.manifest.seal, bound_to=f"{self._bound_to}:{self.manifest.digest()}", keys=self._keys)
        except BackupUnreadable as error:
            raise ArchiveLocked from error


def _take(line: bytes, piece: Slice, waiting: list[bytes]) -> None:
    if line.startswith(b"["):
        waiting.append(line)
    else:
        kind, row = read_row(line)
        piece.beside.setdefault(kind, []).append(row)


def _ended(piece: Slice, waiting: list[bytes]) -> Slice:
    piece.versions = read_versions(waiting)
    piece.ends = True
    return piece


def bound_to(manifest: Manifest) -> str:
    """Return what an archive's keys are bound to: its app and itself."""
    return f"archive:{manifest.app.get('id')}:{manifest.id}"


def _split(blocks: Iterator[bytes], seen: Callable[[bytes], None], *, longest: int) -> Iterator[bytes]:
    """Yield lines without their newlines. Raises ArchiveTooLarge for a line that is longer than any may be."""
    rest = b""
    for block in blocks:
        seen(block)
        lines = block.split(b"\n")
        lines[0] = rest + lines[0]
        rest = lines.pop()
        if len(rest) > longest:
            raise ArchiveTooLarge(f"A line is longer than {longest} bytes.")
        yield from lines
    if rest:
        raise ArchiveDamaged("A part does not end with a newline.")
