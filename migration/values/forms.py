r"""How a value is kept: verbatim where it is JSON, else as a JSON string literal (semantics 1).

`verbatim` demands JSON as Postgres' `json` type accepts it, encodable as UTF-8 and nested at most 128 deep;
`queryable` demands besides that no escape stands in it that Postgres cannot turn into text (`\u0000`, a lone
surrogate), because one such value makes `->>` fail for the whole table.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import msgspec

MAX_DEPTH = 128
VERBATIM, LITERAL = 1, 2

_CHECK = msgspec.json.Decoder(msgspec.Raw).decode
_CHECK_ALL = msgspec.json.Decoder(list[msgspec.Raw]).decode
_BEGINS = frozenset(bytes([one]) for one in b' \t\n\r{["-0123456789tfn')
_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NOT_BRACKETS = re.compile(rb"[^\[\]{}]+")
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_LONE = re.compile("[\ud800-\udfff]")
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89abAB][0-9a-fA-F]{2}|[dD][c-fC-F][0-9a-fA-F]{2})")


@dataclass(frozen=True, slots=True)
class Form:
    """The form of one value: 1 verbatim or 2 literal, and whether JSON operators may touch it."""

    form: int
    queryable: bool


_QUERYABLE, _OPAQUE = Form(VERBATIM, True), Form(VERBATIM, False)
NOT_JSON, DELETED = Form(LITERAL, False), Form(VERBATIM, False)


def form_of(value: str) -> Form:
    """Decide how `value` is kept. Pure; never raises."""
    try:
        encoded = value.encode()
    except UnicodeEncodeError:
        return NOT_JSON
    return form_of_encoded(encoded)


def forms_of(values: Sequence[bytes | None]) -> list[Form]:
    """Decide the same for many values at once, None for a deletion's: of what mostly is JSON, for half the price."""
    if _are_plain([value for value in values if value is not None]):
        return [DELETED if value is None else _QUERYABLE for value in values]
    return [DELETED if value is None else form_of_encoded(value) for value in values]


def _are_plain(values: Sequence[bytes]) -> bool:
    """Tell whether all of these values are JSON in which nothing has to be looked at twice: no escape, no depth."""
    listed = b"[" + b",".join(values) + b"]"
    if b"\\" in listed or any(map(_is_bushy, [value for value in values if len(value) > 2 * MAX_DEPTH])):
        return False
    try:
        # A comma within a value that is none, or white space around it, shows in the lengths.
        return list(map(len, _CHECK_ALL(listed))) == list(map(len, values))
    except (msgspec.DecodeError, RecursionError):
        return False


def form_of_encoded(encoded: bytes) -> Form:
    """Decide the same for a value whose UTF-8 is at hand."""
    if encoded[:1] not in _BEGINS:
        return NOT_JSON  # most of what is no JSON is seen here, for a tenth of what an exception costs
    try:
        _CHECK(encoded)
    except (msgspec.DecodeError, RecursionError):
        if not _is_json_slowly(encoded):
            return NOT_JSON
    if len(encoded) > 2 * MAX_DEPTH and _too_deep(encoded):
        return NOT_JSON
    # One byte is looked for before more: on the hot path that is three times as fast.
    if b"\\" in encoded and _SUSPECT.search(encoded) and not _escapes_are_text(encoded.decode()):
        return _OPAQUE
    return _QUERYABLE


def _is_json_slowly(encoded: bytes) -> bool:
    """Tell whether what msgspec refuses is JSON after all: Postgres accepts escapes of lone surrogates."""
    if not _SUSPECT.search(encoded):
        return False
    try:
        json.loads(encoded.decode(), parse_constant=_refuse_constant, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _too_deep(encoded: bytes) -> bool:
    """Tell whether JSON nests deeper than MAX_DEPTH, without building it."""
    if not _is_bushy(encoded):
        return False
    brackets = _NOT_BRACKETS.sub(b"", _STRINGS.sub(b"", encoded))
    return max(accumulate(_STEPS[bracket] for bracket in brackets), default=0) > MAX_DEPTH


def _is_bushy(encoded: bytes) -> bool:
    return encoded.count(b"[") + encoded.count(b"{") > MAX_DEPTH


def _escapes_are_text(value: str) -> bool:
    """Tell whether every string in the JSON text is text Postgres can hold."""
    try:
        waiting = [json.loads(value, parse_int=str, parse_float=str, object_pairs_hook=list)]
    except (ValueError, RecursionError):
        return False
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            if "\x00" in item or _LONE.search(item):
                return False
        elif isinstance(item, (list, tuple)):
            waiting.extend(item)
    return True
