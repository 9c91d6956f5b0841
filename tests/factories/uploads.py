"""A browser's entries as it would send them: lines, chunks, manifests."""

import base64
import gzip
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from migration.values.collections import compile_labels
from migration.values.digests import bucket_of, fingerprint, key_hash, set_digest, to_wire
from migration.values.lines import encode_line, literal

Entries = Mapping[str, str | None]


def payload_of(entries: Entries) -> bytes:
    """Return the canonical lines of `entries`, each ended by a newline; None deletes."""
    return b"".join(encode_line(key, value) + b"\n" for key, value in entries.items())


@dataclass
class ChunkUpload:
    """One chunk as it travels. Change a field to tell a lie."""

    payload: bytes
    entries: int
    seq: int = 1
    encoding: str = "gzip"
    id: str = field(default_factory=lambda: str(uuid4()))
    body: bytes = b""
    sha256: str = ""
    bytes: int | None = None

    def __post_init__(self) -> None:
        if not self.body:
            self.body = gzip.compress(self.payload, mtime=0) if self.encoding == "gzip" else self.payload
        self.sha256 = self.sha256 or to_wire(hashlib.sha256(self.payload).digest())
        self.bytes = len(self.payload) if self.bytes is None else self.bytes

    def headers(self) -> dict[str, str]:
        """Return the headers of its PUT."""
        encoding = {} if self.encoding == "identity" else {"Content-Encoding": self.encoding}
        return {
            **encoding,
            "Migration-Seq": str(self.seq),
            "Migration-Entries": str(self.entries),
            "Migration-Bytes": str(self.bytes),
            "Migration-Sha256": self.sha256,
        }

    def inline(self) -> dict[str, Any]:
        """Return it as a member of the creating body."""
        return {
            "id": self.id,
            "seq": self.seq,
            "entries": self.entries,
            "bytes": self.bytes,
            "sha256": self.sha256,
            "encoding": self.encoding,
            "data": base64.b64encode(self.body).decode(),
        }


def chunk_of(entries: Entries, **fields: Any) -> ChunkUpload:
    """Return a chunk with `entries`."""
    return ChunkUpload(payload=payload_of(entries), entries=len(entries), **fields)


def manifest_of(
    entries: Entries, *, collections: Sequence[tuple[str, Iterable[str]]] = (("todo", ("todo:*",)),), version: int = 1
) -> dict[str, Any]:
    """Return the manifest of a browser that holds `entries`."""
    label = compile_labels(collections).label
    patterns = {name: list(listed) for name, listed in collections}
    found: dict[str, list[tuple[str, bytes, bool]]] = {}
    for key, value in entries.items():
        line = encode_line(key, value)
        found.setdefault(label(key), []).append((bucket_of(key_hash(literal(key))), line, value is None))
    listed = [_collection(name, patterns.get(name, []), lines) for name, lines in sorted(found.items())]
    return {
        "version": version,
        "entries": len(entries),
        "bytes": sum(one["bytes"] for one in listed),
        "collections": listed,
        "withheld": {"count": 0, "digest": to_wire(set_digest([])), "rules": {}},
    }


def _collection(name: str, patterns: list[str], lines: list[tuple[str, bytes, bool]]) -> dict[str, Any]:
    buckets: dict[str, list[bytes]] = {}
    for bucket, line, _ in lines:
        buckets.setdefault(bucket, []).append(fingerprint(line))
    return {
        "name": name,
        "patterns": patterns,
        "entries": len(lines),
        "deleted": sum(deleted for _, _, deleted in lines),
        "bytes": sum(len(line) for _, line, _ in lines),
        "buckets": {bucket: to_wire(set_digest(marks)) for bucket, marks in sorted(buckets.items())},
    }


def todos(count: int, *, first: int = 0) -> dict[str, str]:
    """Return `count` small entries."""
    return {f"todo:{number}": f'{{"text":"number {number}","done":false}}' for number in range(first, first + count)}
