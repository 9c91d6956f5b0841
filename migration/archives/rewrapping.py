"""The keys of a sealed archive, wrapped anew where they lie: its manifest is exchanged, its parts stay as they are."""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec

from migration.archives.manifest import LARGEST, NAME, Manifest, read_manifest
from migration.archives.packing import sync
from migration.errors import ArchiveInvalid, ArchiveLocked, BackupUnreadable
from migration.values.envelopes import Envelope, rewrap, wrapped_under

_ASIDE = f".{NAME}.rotating"


def keys_of(path: Path, *, keys: list[str]) -> Counter[int | None]:
    """Count an archive's keys by the place among `keys` of what they are wrapped under; None: under none of them.

    Of an archive that is not sealed there are none. Raises ArchiveInvalid, ArchiveVersion.
    """
    manifest = _read(path)
    return Counter(wrapped_under(_wrapped(one), keys=keys) for one in _keys(manifest))


def rewrap_archive(path: Path, *, keys: list[str]) -> int:
    """Wrap an archive's keys under the newest of `keys`; return how many were under older ones.

    Whoever reads meanwhile has one manifest or the other, and both open. Raises ArchiveInvalid, ArchiveVersion,
    ArchiveLocked with nothing changed where one of them opens under no key, OSError.
    """
    manifest = _read(path)
    older = sum(wrapped_under(_wrapped(one), keys=keys) != 0 for one in _keys(manifest))
    if older:
        _exchange(path, _under(manifest, lambda wrapped: _rewrapped(wrapped, keys)))
    return older


def _under(manifest: Manifest, wrap: Callable[[str], str]) -> Manifest:
    parts = [msgspec.structs.replace(one, wrapped_key=wrap(one.wrapped_key)) for one in manifest.parts]
    return msgspec.structs.replace(manifest, parts=parts, seal=wrap(manifest.seal))


def _rewrapped(wrapped: str, keys: list[str]) -> str:
    if wrapped_under(_wrapped(wrapped), keys=keys) == 0:
        return wrapped
    try:
        fresh = rewrap(Envelope(b"", _wrapped(wrapped)), keys=keys)
    except BackupUnreadable as error:
        raise ArchiveLocked from error
    return f"{fresh.wrapped_key.decode()}.{wrapped.partition('.')[2]}"


def _keys(manifest: Manifest) -> list[str]:
    return [manifest.seal, *(part.wrapped_key for part in manifest.parts)] if manifest.encrypted else []


def _wrapped(text: str) -> bytes:
    return text.partition(".")[0].encode()


def _read(path: Path) -> Manifest:
    try:
        with (path / NAME).open("rb") as file:
            return read_manifest(file.read(LARGEST))
    except OSError as error:
        raise ArchiveInvalid(f"There is no archive at {path}: {error.strerror}.") from error


def _exchange(path: Path, manifest: Manifest) -> None:
    """Put another manifest in the place of the one that is there: at once, and on the disk."""
    aside = path / _ASIDE
    with aside.open("wb") as file:
        os.fchmod(file.fileno(), (path / NAME).stat().st_mode & 0o777)
        file.write(manifest.encoded())
        file.flush()
        os.fsync(file.fileno())
    aside.rename(path / NAME)
    sync(str(path))
