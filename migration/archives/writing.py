"""An archive in the making: parts beside each other in a folder of another name, which gets its own at the end."""

import fcntl
import os
import shutil
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from migration.archives.manifest import NAME, Manifest, PartFile
from migration.archives.packing import SUFFIXES, Sealing, Sink, compressed, sync, wrap
from migration.errors import ArchiveInTheWay

PART_BYTES = 32 * 1024 * 1024
"""Lines in a part, inflated: what a resumed reading has to pass over at most, and what one process restores at a time:
small enough that the last of them do not wait long for each other."""
GATHERED = 256 * 1024


class ArchiveWriter:
    """Writes lines into parts; `finish` makes them an archive, anything else leaves none.

    A folder that was left behind by somebody who was killed is cleared away; one somebody writes in is not.
    """

    def __init__(self, path: Path, *, compression: str = "gzip", keys: list[str] | None = None, bound_to: str) -> None:
        """Make the folder. `keys` seals the parts, bound to `bound_to`. Raises ArchiveInTheWay."""
        self._path, self._folder = path, path.with_name(f".{path.name}.partial")
        self._compression, self._keys, self._bound_to = compression, keys, bound_to
        self._parts: list[PartFile] = []
        self._part: _Part | None = None
        if path.exists():
            raise ArchiveInTheWay(f"{path} exists.")
        self._folder.mkdir(exist_ok=True, mode=0o700)
        self._lock = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise ArchiveInTheWay(f"Somebody is writing to {self._folder}.") from error
        for left in self._folder.iterdir():
            left.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._lock)
        shutil.rmtree(self._folder, ignore_errors=True)

    def write(self, line: bytes) -> None:
        """Append a line, without its newline."""
        if self._part is None:
            self._part = self._begin()
        self._part.add(line)

    @property
    def is_full(self) -> bool:
        """Whether the next line should begin a part of its own."""
        return self._part is not None and self._part.bytes >= PART_BYTES

    def end_part(self) -> None:
        """Close the part; the next line begins another one."""
        if self._part is not None:
            self._parts.append(self._part.close())
            self._part = None

    def finish(self, manifest: Manifest) -> Manifest:
        """Write the manifest and give the folder its name: from here on the archive is there, whole."""
        self.end_part()
        manifest.parts = self._parts
        if self._keys:
            manifest.seal = wrap(b"manifest", bound_to=f"{self._bound_to}:{manifest.digest()}", keys=self._keys)
        with (self._folder / NAME).open("wb") as file:
            file.write(manifest.encoded())
            file.flush()
            os.fsync(file.fileno())
        sync(str(self._folder))
        try:
            self._folder.rename(self._path)
        except OSError as error:
            raise ArchiveInTheWay(f"{self._path} cannot be written: {error.strerror}.") from error
        sync(str(self._path.parent))
        return manifest

    def _begin(self) -> "_Part":
        name = f"part-{len(self._parts) + 1:05}.ndjson{SUFFIXES[self._compression]}{'.sealed' if self._keys else ''}"
        return _Part(self._folder / name, self._compression, self._keys, f"{self._bound_to}:{name}")


class _Part:
    """One file of lines, hashed on both sides of its compression."""

    def __init__(self, path: Path, compression: str, keys: list[str] | None, bound_to: str) -> None:
        self._file = _Hashed(path.open("wb"))
        self._sealing = Sealing(self._file, bound_to=bound_to, keys=keys) if keys else None
        self._lines: Sink = compressed(self._sealing or self._file, compression)
        self._name, self._waiting = path.name, 0
        self._gathered: list[bytes] = []
        self._content, self._count, self.bytes = sha256(), 0, 0

    def add(self, line: bytes) -> None:
        self._gathered.append(line)
        self._count += 1
        self._waiting += len(line) + 1
        self.bytes += len(line) + 1
        if self._waiting > GATHERED:
            self._flush()

    def close(self) -> PartFile:
        self._flush()
        self._lines.close()
        if self._sealing:
            self._sealing.close()
        self._file.close()
        return PartFile(
            name=self._name,
            size=self._file.size,
            sha256=self._file.digest.hexdigest(),
            lines=self._count,
            bytes=self.bytes,
            content_sha256=self._content.hexdigest(),
            wrapped_key=self._sealing.wrapped_key if self._sealing else "",
        )

    def _flush(self) -> None:
        text = b"\n".join([*self._gathered, b""])
        self._content.update(text)
        self._lines.write(text)
        self._gathered, self._waiting = [], 0


class _Hashed:
    """A file that knows the digest and the length of what went into it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.digest, self.size = file, sha256(), 0

    def write(self, data: bytes, /) -> int:
        self.digest.update(data)
        self.size += len(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
