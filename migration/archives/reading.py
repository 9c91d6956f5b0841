"""Our own archives, read: checked whole before anything is done with them, then slice by slice."""

import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
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

    def lines(self, part: PartFile) -> Iterator[list[bytes]]:
        """Yield a part's lines, some at a time, and hold them to its manifest. Raises as `slices`."""
        digest, count = sha256(), 0
        for lines in _split(self._blocks(part), digest.update, longest=self._longest):
            count += len(lines)
            if count > part.lines:
                raise ArchiveDamaged(f"{part.name} holds more lines than its manifest says.", part=part.name)
            yield lines
        if count != part.lines or not hmac.compare_digest(digest.hexdigest(), part.content_sha256):
            raise ArchiveDamaged(f"{part.name} does not hold the lines its manifest names.", part=part.name)

    def _part_slices(self, part: PartFile, skipped: int, owner: OwnerLine | None) -> Iterator[tuple[Slice, int]]:
        """A part holds whole owners; within an owner, slices end after so many lines."""
        begun = Slice(owner, begins=False) if owner is not None and skipped else None
        cutter = _Cutter(begun, at=skipped, longest=lambda: self.slice_lines)
        for lines in self.lines(part):
            passed_over = min(skipped, len(lines))
            skipped -= passed_over
            yield from cutter.cut(lines[passed_over:])
        yield from cutter.ended()

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


class _Cutter:
    """Cuts lines into slices. It goes by stretches of versions: a look at each of millions of lines is a second."""

    def __init__(self, piece: Slice | None, *, at: int, longest: Callable[[], int]) -> None:
        """Begin behind `at` lines, amid `piece` or before an owner; no slice is longer than `longest`."""
        self._piece, self._at, self._longest = piece, at, longest
        self._waiting: list[bytes] = []

    def cut(self, lines: list[bytes]) -> Iterator[tuple[Slice, int]]:
        """Yield the slices that end within `lines`, each with how many lines are behind it."""
        begun = 0
        for place in [place for place, line in enumerate(lines) if not line.startswith(b"[")]:
            yield from self._versions(lines[begun:place])
            yield from self._other(lines[place])
            begun = place + 1
        yield from self._versions(lines[begun:])

    def ended(self) -> Iterator[tuple[Slice, int]]:
        """Yield the last slice of an owner whose lines are through, if one was begun."""
        if self._piece is not None:
            self._piece.ends = True
            yield self._full(self._piece, None)

    def _versions(self, lines: list[bytes]) -> Iterator[tuple[Slice, int]]:
        begun = 0
        while begun < len(lines):
            piece = self._begun()
            taken = lines[begun : begun + max(1, self._longest() - len(self._waiting) - len(piece))]
            self._waiting += taken
            begun += len(taken)
            self._at += len(taken)
            yield from self._if_full(piece)

    def _other(self, line: bytes) -> Iterator[tuple[Slice, int]]:
        if line.startswith(b'{"owner":'):
            yield from self.ended()
            self._piece = piece = Slice(read_owner(line))
        else:
            piece = self._begun()
            kind, row = read_row(line)
            piece.beside.setdefault(kind, []).append(row)
        self._at += 1
        yield from self._if_full(piece)

    def _begun(self) -> Slice:
        if self._piece is None:
            raise ArchiveInvalid("A part does not begin with the line of an owner.")
        return self._piece

    def _if_full(self, piece: Slice) -> Iterator[tuple[Slice, int]]:
        if len(self._waiting) + len(piece) >= self._longest():
            yield self._full(piece, Slice(piece.owner, begins=False))

    def _full(self, piece: Slice, following: Slice | None) -> tuple[Slice, int]:
        piece.versions, piece.lines = read_versions(self._waiting)
        self._piece, self._waiting = following, []
        return piece, self._at


def bound_to(manifest: Manifest) -> str:
    """Return what an archive's keys are bound to: its app and itself."""
    return f"archive:{manifest.app.get('id')}:{manifest.id}"


def _split(blocks: Iterator[bytes], seen: Callable[[bytes], None], *, longest: int) -> Iterator[list[bytes]]:
    """Yield lines without their newlines, a block's at a time. Raises ArchiveTooLarge for one longer than `longest`."""
    rest = b""
    for block in blocks:
        seen(block)
        lines = block.split(b"\n")
        lines[0] = rest + lines[0]
        rest = lines.pop()
        if len(rest) > longest:
            raise ArchiveTooLarge(f"A line is longer than {longest} bytes.")
        yield lines
    if rest:
        raise ArchiveDamaged("A part does not end with a newline.")
