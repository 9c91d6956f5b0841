r"""The canonical line of an entry: UTF-8 of `JSON.stringify([key, value])`.

A deletion that happens while a run is under way is the one-element array `JSON.stringify([key])`.
JavaScript's well-formed stringify writes a lone surrogate as `\udXXX` (lower case), so a line is always valid
UTF-8; Postgres' `to_json(text)::text` escapes alike. `tests/vectors/lines.json` holds all three to it.

Strings in Python may carry lone surrogates as such; pairs are always joined.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import overload

import msgspec

from migration.errors import LineForm

_FAST = msgspec.json.Encoder()
_PAIR = msgspec.json.Decoder(tuple[str, ...])
_LITERAL = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')


class Line(msgspec.Struct, frozen=True, gc=False):
    """One entry as it travels. `value` is None for a deletion; `raw` is the line without its newline."""

    key: str
    value: str | None
    raw: bytes


@dataclass(slots=True, eq=False)
class Lines(Sequence[Line]):
    """The entries of a chunk, or a span of them, column by column: what is done to all costs no object for each.

    `payload`, if there is no list of lines, is what they are cut from once somebody wants them.
    """

    keys: Sequence[str]
    values: Sequence[str | None]
    cut: Sequence[bytes] | None = None
    payload: bytes = b""

    @property
    def raws(self) -> Sequence[bytes]:
        """Each line without its newline."""
        if self.cut is None:
            self.cut, self.payload = self.payload[:-1].split(b"\n") if self.payload else [], b""
        return self.cut

    @property
    def size(self) -> int:
        """Bytes of all lines together, newlines not counted."""
        return sum(map(len, self.raws)) if self.cut is not None else len(self.payload) - len(self.keys)

    @classmethod
    def of(cls, lines: Iterable[Line]) -> "Lines":
        """Gather single lines."""
        listed = list(lines)
        return cls([one.key for one in listed], [one.value for one in listed], [one.raw for one in listed])

    @classmethod
    def joined(cls, spans: Sequence["Lines"]) -> "Lines":
        """Put spans one behind the other."""
        every = chain.from_iterable
        return cls(
            list(every(one.keys for one in spans)),
            list(every(one.values for one in spans)),
            list(every(one.raws for one in spans)),
        )

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[Line]:
        return map(Line, self.keys, self.values, self.raws)

    @overload
    def __getitem__(self, at: int) -> Line: ...
    @overload
    def __getitem__(self, at: slice) -> "Lines": ...
    def __getitem__(self, at: int | slice) -> "Line | Lines":
        if isinstance(at, slice):
            return Lines(self.keys[at], self.values[at], self.raws[at])
        return Line(self.keys[at], self.values[at], self.raws[at])


def literal(text: str) -> bytes:
    """Return `JSON.stringify(text)` as UTF-8 bytes, whatever code units `text` holds."""
    try:
        return _FAST.encode(text)
    except UnicodeEncodeError:
        # The handler writes what cannot be encoded, lone surrogates alone, as \\udXXX in small letters.
        return json.dumps(text, ensure_ascii=False).encode("utf-8", "backslashreplace")


def encode_line(key: str, value: str | None) -> bytes:
    """Return the canonical line of an entry, or of a deletion when `value` is None."""
    if value is None:
        return b"[" + literal(key) + b"]"
    return b"[" + literal(key) + b"," + literal(value) + b"]"


def text_of(literal_text: str | bytes) -> str:
    """Return the string a JSON string literal stands for, lone surrogates kept, pairs joined."""
    raw = literal_text.encode() if isinstance(literal_text, str) else literal_text
    try:
        return msgspec.json.decode(raw, type=str)
    except msgspec.DecodeError:
        return str(json.loads(raw))


def decode_line(raw: bytes) -> Line:
    """Read one canonical line (without newline). Raises LineForm when it is not canonical."""
    try:
        parts = _PAIR.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        parts = _decode_with_lone_surrogates(raw)
    if not 1 <= len(parts) <= 2:
        raise LineForm("A line is an array of one or two strings.")
    line = Line(parts[0], parts[1] if len(parts) == 2 else None, raw)
    if encode_line(line.key, line.value) != raw:
        raise LineForm("The line is JSON but not written as JSON.stringify writes it.")
    return line


def _decode_with_lone_surrogates(raw: bytes) -> tuple[str, ...]:
    try:
        parts = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise LineForm("The line is not JSON.") from error
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise LineForm("A line is an array of one or two strings.")
    return tuple(parts)


def key_literal_of(raw: bytes) -> bytes:
    """Return the key's literal in a line known to be canonical, without decoding it."""
    end = raw.find(b'","', 2)
    if end < 0:
        return raw[1:-1]
    if raw[end - 1] != 0x5C:
        return raw[1 : end + 1]
    found = _LITERAL.match(raw, 1)  # the quote found may be escaped, and so may the backslash before it
    if found is None:
        raise LineForm("The line does not begin with a key.")
    return found[0]


def literals(texts: Sequence[str]) -> list[bytes]:
    """Return the literal of each text."""
    try:
        return list(map(_FAST.encode, texts))
    except UnicodeEncodeError:
        return list(map(literal, texts))


def decode_slices(payload: bytes, *, size: int = 65_536) -> Iterator[tuple[bytes, Lines]]:
    """Read a payload as `decode_lines` does, but a slice of about `size` bytes at a time: (its bytes, its lines).

    Decoded, lines take several times their bytes: whoever is done with one slice before the next holds little.
    """
    before = 0
    for part in _slices(payload, size):
        lines = decode_lines(part, before=before)
        yield part, lines
        before += len(lines)


def _slices(payload: bytes, size: int) -> Iterator[bytes]:
    at = 0
    while at < len(payload):
        end = payload.find(b"\n", at + size - 1) + 1 or len(payload)
        yield payload[at:end]
        at = end


def decode_lines(payload: bytes, *, before: int = 0) -> Lines:
    """Read a chunk's payload: canonical lines, each ended by a newline.

    Raises LineForm with `line` (counted from 1, after `before` others) for the first line that is not canonical.
    """
    if payload and not payload.endswith(b"\n"):
        raise LineForm("The payload does not end with a newline.", line=before + payload.count(b"\n") + 1)
    try:
        parts = _PAIR.decode_lines(payload)
        # That all lines, encoded anew, are the payload again is what makes them canonical (and keeps a line that is
        # two, or half of one, from slipping through).
        if _FAST.encode_lines(parts) == payload:
            return _columns(parts, payload)
    except (msgspec.DecodeError, UnicodeDecodeError, UnicodeEncodeError, LineForm):
        pass  # some line holds a lone surrogate, or is wrong: look at each
    return _decode_each(payload, before)


def read_lines(payload: bytes) -> Lines:
    """Read a payload whose form was judged before it was stored; a third less work than `decode_lines`.

    Raises LineForm where it is no payload at all.
    """
    try:
        return _columns(_PAIR.decode_lines(payload), payload)
    except (msgspec.DecodeError, UnicodeDecodeError, LineForm):
        return _decode_each(payload)  # some line holds a lone surrogate


def read_slices(payload: bytes, *, size: int = 65_536) -> Iterator[Lines]:
    """Read a payload as `read_lines` does, but a slice of about `size` bytes at a time.

    What is done to a slice while the processor still has it at hand costs two thirds of what it costs afterwards.
    """
    return map(read_lines, _slices(payload, size))


def _columns(parts: list[tuple[str, ...]], payload: bytes) -> Lines:
    lengths = set(map(len, parts))
    if payload.count(b"\n") != len(parts) or not lengths <= {1, 2}:
        raise LineForm("A line is an array of one or two strings.")
    if lengths == {2}:
        keys, both = zip(*parts, strict=True)
        return Lines(keys, both, payload=payload)
    values = [part[1] if len(part) == 2 else None for part in parts]
    return Lines([part[0] for part in parts], values, payload=payload)


def _decode_each(payload: bytes, before: int = 0) -> Lines:
    lines = []
    for number, raw in enumerate(payload[:-1].split(b"\n"), start=before + 1):
        try:
            lines.append(decode_line(raw))
        except LineForm as error:
            raise LineForm(error.detail, line=number) from error
    return Lines.of(lines)
