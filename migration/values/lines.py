r"""The canonical line of an entry: UTF-8 of `JSON.stringify([key, value])`.

A deletion that happens while a run is under way is the one-element array `JSON.stringify([key])`.
JavaScript's well-formed stringify writes a lone surrogate as `\udXXX` (lower case), so a line is always valid
UTF-8; Postgres' `to_json(text)::text` escapes alike. `tests/vectors/lines.json` holds all three to it.

Strings in Python may carry lone surrogates as such; pairs are always joined.
"""

import json
import re

import msgspec

from migration.errors import LineForm

_FAST = msgspec.json.Encoder()
_PAIR = msgspec.json.Decoder(tuple[str, ...])
_LITERAL = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_PAIRS = msgspec.json.Decoder(list[tuple[str, ...]])


class Line(msgspec.Struct, frozen=True, gc=False):
    """One entry as it travels. `value` is None for a deletion; `raw` is the line without its newline."""

    key: str
    value: str | None
    raw: bytes


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


def decode_lines(payload: bytes) -> list[Line]:
    """Read a chunk's payload: canonical lines, each ended by a newline.

    Raises LineForm with `line` (counted from 1) for the first line that is not canonical.
    """
    if not payload:
        return []
    if not payload.endswith(b"\n"):
        raise LineForm("The payload does not end with a newline.", line=payload.count(b"\n") + 1)
    raws = payload[:-1].split(b"\n")
    try:
        # One call decodes all of them; that each line, encoded anew, is itself again is what makes them canonical
        # (and keeps a line that is two, or half of one, from slipping through).
        parts = _PAIRS.decode(b"[" + b",".join(raws) + b"]")
        if list(map(_FAST.encode, parts)) == raws and 0 < min(map(len, parts)) <= max(map(len, parts)) <= 2:
            return [
                Line(part[0], part[1] if len(part) == 2 else None, raw) for part, raw in zip(parts, raws, strict=True)
            ]
    except (msgspec.DecodeError, UnicodeDecodeError, UnicodeEncodeError):
        pass  # some line holds a lone surrogate, or is wrong: look at each
    return _decode_each(raws)


def read_lines(payload: bytes) -> list[Line]:
    """Read a payload whose form was judged before it was stored; a third less work than `decode_lines`.

    Raises LineForm where it is no payload at all.
    """
    raws = payload[:-1].split(b"\n") if payload else []
    try:
        parts = _PAIRS.decode(b"[" + b",".join(raws) + b"]")
        return [Line(part[0], part[1] if len(part) == 2 else None, raw) for part, raw in zip(parts, raws, strict=True)]
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, IndexError):
        return _decode_each(raws)  # some line holds a lone surrogate


def _decode_each(raws: list[bytes]) -> list[Line]:
    lines = []
    for number, raw in enumerate(raws, start=1):
        try:
            lines.append(decode_line(raw))
        except LineForm as error:
            raise LineForm(error.detail, line=number) from error
    return lines
