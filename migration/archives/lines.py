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
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import compress
from operator import not_
from typing import Annotated, Any
from uuid import UUID

import msgspec

from migration.errors import ArchiveInvalid
from migration.values.lines import Lines, encode_line
from migration.values.versions import Version

Revision = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Moment = Annotated[int, msgspec.Meta(ge=-62_135_596_800_000_000, le=253_402_300_799_999_999)]
Short = Annotated[str, msgspec.Meta(max_length=512)]

KINDS = ("device", "run", "conflict", "quarantine", "repetition")
"""What may stand beside an owner's records, in the order in which it must be written."""


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
    lines: Lines = field(default_factory=lambda: Lines([], [], []))
    """The entries of the versions, one for each; whoever has made something of them lets them go."""
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
_Head = tuple[
    Short, _Label, Revision, Revision | None, Revision, str | None, str | None, Short, Moment, tuple[str, ...]
]
_VERSIONS = msgspec.json.Decoder(_Head)
_HEADS = msgspec.json.Decoder(
    tuple[Short, _Label, Revision, Revision | None, Revision, str | None, str | None, Short, Moment, None]
)
_LINES = msgspec.json.Encoder()
_ROW = msgspec.json.Decoder(dict[str, dict[str, Any]])
_LONE = re.compile(rb"\\u[dD][89a-fA-F]")
# The tuple's own constructor: half the price of Version(…), which passes through a Python __new__.
_VERSION: Callable[[tuple[object, ...]], Version] = partial(tuple.__new__, Version)


def read_versions(raws: Sequence[bytes]) -> tuple[list[Version], Lines]:
    """Read lines of versions, and the entries at their ends. Raises ArchiveInvalid for the first that is none."""
    try:
        read = _read_together(raws)
    except (msgspec.DecodeError, UnicodeDecodeError):
        read = _read_apart(raws)  # some line holds a lone surrogate, or is wrong
    heads, pairs, lines = read
    if not set(map(len, pairs)) <= {1, 2}:
        raise ArchiveInvalid("A line of the archive is no version of a record.")
    _check_ids({head[5] for head in heads} | {head[6] for head in heads})
    values = [pair[1] if len(pair) == 2 else None for pair in pairs]
    return [_VERSION(head[:9]) for head in heads], Lines([pair[0] for pair in pairs], values, lines)


_Read = tuple[list[tuple[Any, ...]], list[tuple[str, ...]], list[bytes]]


def _read_together(raws: Sequence[bytes]) -> _Read:
    """Read all at once. Raises DecodeError where one of them needs to be looked at, ArchiveInvalid."""
    if not raws:
        return [], [], []
    heads = _VERSIONS.decode_lines(b"\n".join(raws))
    pairs = [head[9] for head in heads]
    # A line ends with its entry; that the entry, encoded anew, stands there byte for byte makes it canonical.
    lines = _LINES.encode_lines(pairs)[:-1].split(b"\n")
    if len(heads) != len(raws):
        raise ArchiveInvalid("A line of the archive holds more than one value.")
    if False in [raw.endswith(line, 0, -1) for raw, line in zip(raws, lines, strict=True)]:
        raise ArchiveInvalid("A line of the archive is not canonical.")
    return list(heads), pairs, lines


def _read_apart(raws: Sequence[bytes]) -> _Read:
    """Read what msgspec may not take line by line, and the rest of it together."""
    odd = [bool(_LONE.search(raw)) for raw in raws]
    try:
        ordinary = zip(*_read_together(list(compress(raws, map(not_, odd)))), strict=True)
    except (msgspec.DecodeError, UnicodeDecodeError):
        read = [_read_slowly(raw) for raw in raws]  # it names the first
    else:
        read = [_read_slowly(raw) if is_odd else next(ordinary) for raw, is_odd in zip(raws, odd, strict=True)]
    heads, pairs, lines = zip(*read, strict=True)
    return list(heads), list(pairs), list(lines)


def _check_ids(ids: set[str | None]) -> None:
    try:
        for one in ids - {None}:
            UUID(one)
    except ValueError as error:
        raise ArchiveInvalid("A line of the archive names a device or run by what is no id.") from error


def _read_slowly(raw: bytes) -> tuple[tuple[Any, ...], tuple[str, ...], bytes]:
    """Read a line whose end msgspec may not take: it refuses escapes of lone surrogates, which Python reads."""
    try:
        pair = json.loads(raw)[-1]
        line = encode_line(*pair) if len(pair) == 2 else encode_line(pair[0], None)
        if not (raw.endswith(line + b"]") and {str} == set(map(type, pair))):
            raise ArchiveInvalid("A line of the archive is not canonical.")
        head = _HEADS.decode(raw.removesuffix(line + b"]") + b"null]")
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise ArchiveInvalid("A line of the archive is no version of a record.") from error
    return head, tuple(pair), line


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
