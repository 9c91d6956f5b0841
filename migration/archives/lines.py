"""Lines of a part: JSON, one a line. An owner's line is an object; what it holds follows as arrays and objects.

    {"owner": {…}}                                            whose what follows is
    [namespace, collection, revision, until, seq, device, run, cause, written_at, [key, value]]
    {"device"|"run"|"conflict"|"quarantine"|"repetition": {…}}    rows beside the records

What stands beside comes first, then current versions, then history, both in the order (namespace, hash of the key).
`until` is null for the current one and the revision that superseded it for history. `written_at` counts microseconds
since 1970. `[key]` alone is a tombstone. The last member is the canonical line, byte for byte, so what is fingerprinted
is what stands there.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, NamedTuple
from uuid import UUID

import msgspec

from migration.errors import ArchiveInvalid
from migration.values.lines import encode_line

Revision = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Moment = Annotated[int, msgspec.Meta(ge=-62_135_596_800_000_000, le=253_402_300_799_999_999)]
Short = Annotated[str, msgspec.Meta(max_length=512)]

KINDS = ("device", "run", "conflict", "quarantine", "repetition")
"""What may stand beside an owner's records, in the order in which it must be written."""


class Version(NamedTuple):
    """One version of a record and who wrote it; `line` is its canonical line, `until` None for the current one."""

    namespace: str
    collection: str
    revision: int
    until: int | None
    seq: int
    device_id: UUID | None
    run_id: UUID | None
    cause: str
    written_at: int
    line: bytes


class OwnerLine(msgspec.Struct, frozen=True, forbid_unknown_fields=False):
    """Whose the lines behind it are."""

    id: UUID
    kind: Annotated[str, msgspec.Meta(pattern="^(account|guest)$")]
    subject: Annotated[str, msgspec.Meta(max_length=255)]
    revision: Revision
    horizon: Revision
    epoch: Revision
    created_at: datetime
    last_seen_at: datetime | None


@dataclass(slots=True)
class Slice:
    """Lines of one owner that are at hand: all of them, or those that fit."""

    owner: OwnerLine
    versions: list[Version] = field(default_factory=list)
    beside: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    begins: bool = True
    """False: it goes on with the owner of the slice before."""
    ends: bool = False
    """True: nothing of this owner comes after it."""

    def __len__(self) -> int:
        return len(self.versions) + sum(map(len, self.beside.values()))


class _OwnerFirst(msgspec.Struct, frozen=True):
    owner: OwnerLine


_OWNER = msgspec.json.Decoder(_OwnerFirst)
_Label = Annotated[str, msgspec.Meta(max_length=65_536)]
_Head = tuple[Short, _Label, Revision, Revision | None, Revision, UUID | None, UUID | None, Short, Moment, msgspec.Raw]
_VERSIONS = msgspec.json.Decoder(_Head)
_ROW = msgspec.json.Decoder(dict[str, dict[str, Any]])


def read_versions(raws: Sequence[bytes]) -> list[Version]:
    """Read lines of versions. Raises ArchiveInvalid for the first that is none."""
    if not raws:
        return []
    try:
        found = _VERSIONS.decode_lines(b"\n".join(raws))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return [_read_slowly(raw) for raw in raws]  # some line holds a lone surrogate, or is wrong: look at each
    if len(found) != len(raws):
        raise ArchiveInvalid("A line of the archive holds more than one value.")
    return [Version._make((*one[:9], bytes(one[9]))) for one in found]


def _read_slowly(raw: bytes) -> Version:
    """Read a line whose end msgspec may not take: it refuses escapes of lone surrogates, which Python reads."""
    try:
        pair = json.loads(raw)[-1]
        line = encode_line(*pair) if len(pair) == 2 else encode_line(pair[0], None)
        if not raw.endswith(line + b"]"):
            raise ArchiveInvalid("A line of the archive is not canonical.")
        plain = raw.removesuffix(line + b"]") + b"null]"
        return Version._make((*_VERSIONS.decode(plain)[:9], line))
    except (ValueError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise ArchiveInvalid("A line of the archive is no version of a record.") from error


def read_owner(raw: bytes) -> OwnerLine:
    """Read an owner's line. Raises ArchiveInvalid."""
    try:
        return _OWNER.decode(raw).owner
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ArchiveInvalid("A line of the archive names no owner.") from error


def read_row(raw: bytes) -> tuple[str, dict[str, Any]]:
    """Read a line of what stands beside records: its kind, and its columns. Raises ArchiveInvalid."""
    try:
        ((kind, row),) = _ROW.decode(raw).items()
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ArchiveInvalid("A line of the archive is no object of a known kind.") from error
    if kind not in KINDS:
        raise ArchiveInvalid("A line of the archive is of an unknown kind.")
    return kind, row


def owner_line(row: dict[str, Any]) -> bytes:
    """Write an owner's line."""
    return b'{"owner":' + msgspec.json.encode(row) + b"}"


def version_line(head: bytes, line: bytes) -> bytes:
    """Write a version: `head` is its JSON array without what closes it, `line` its canonical line."""
    return head + b"," + line + b"]"
