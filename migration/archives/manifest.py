"""An archive's manifest: what it holds of what, and how to tell that it is whole."""

import hashlib
from typing import Annotated, Literal

import msgspec

from migration.errors import ArchiveInvalid, ArchiveVersion

FORMAT, VERSION = "syncserver-archive", 1
NAME = "manifest.json"
LARGEST = 256 * 1024 * 1024
"""Bytes of a manifest: 200 collections with all their buckets are 4 MB."""
Hex = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Compression = Literal["gzip", "zstd", "none"]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Scope(msgspec.Struct, frozen=True):
    """What of an app was asked for; None: all."""

    owners: list[str] | None = None
    collections: list[str] | None = None


class PartFile(msgspec.Struct, frozen=True):
    """One file of lines: the digest of the file, and of the lines in it."""

    name: Annotated[str, msgspec.Meta(pattern=r"^part-[0-9]{5,9}\.ndjson(\.gz|\.zst)?(\.sealed)?$")]
    size: Count
    sha256: Hex
    lines: Count
    bytes: Count
    content_sha256: Hex
    wrapped_key: str = ""


class CollectionCount(msgspec.Struct):
    """What there is of one collection."""

    records: Count = 0
    tombstones: Count = 0
    history: Count = 0
    buckets: dict[str, str] = {}


class Manifest(msgspec.Struct):
    """The manifest of an archive, as `manifest.json` holds it."""

    id: str
    app: dict[str, str]
    timeline: str
    created_at: str
    scope: Scope
    compression: Compression
    encrypted: bool
    counts: dict[str, Count]
    collections: dict[str, CollectionCount]
    parts: list[PartFile]
    seal: str = ""
    """Of an encrypted archive: something that opens only if all but how keys are wrapped is as it was written."""
    holds: tuple[str, ...] = ("records", "tombstones", "history", "conflicts", "quarantine", "runs", "devices")
    format: str = FORMAT
    version: int = VERSION

    def encoded(self) -> bytes:
        """Return the file's bytes."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"

    def digest(self) -> str:
        """Return SHA-256 of all but how its keys are wrapped, in hex: the archive's identity under any key."""
        parts = [msgspec.structs.replace(one, wrapped_key="") for one in self.parts]
        bare = msgspec.structs.replace(self, seal="", parts=parts)
        return hashlib.sha256(msgspec.json.encode(bare)).hexdigest()


class _Head(msgspec.Struct):
    format: str = ""
    version: int = 0


def read_manifest(raw: bytes) -> Manifest:
    """Read a manifest. Raises ArchiveInvalid, ArchiveVersion."""
    try:
        head = msgspec.json.decode(raw, type=_Head)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ArchiveInvalid("The manifest is not what a manifest is.") from error
    if head.format != FORMAT:
        raise ArchiveInvalid("This is no archive of ours.")
    if head.version != VERSION:
        raise ArchiveVersion(f"The archive has version {head.version}; this server reads version {VERSION}.")
    try:
        manifest = msgspec.json.decode(raw, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ArchiveInvalid(f"The manifest is not what a manifest is: {error}") from error
    if len({part.name for part in manifest.parts}) != len(manifest.parts):
        raise ArchiveInvalid("The manifest names a part twice.")
    return manifest
