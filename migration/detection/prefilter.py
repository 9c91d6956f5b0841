"""Finds the few lines of a chunk's payload that a value rule could match, without decoding any.

A literal of a rule stands in a decoded value only if it stands in the payload's bytes: canonical lines escape
nothing but quotes, backslashes, control characters and lone surrogates, and no literal holds one of those.
Looking for 36 literals in a megabyte would still take 15 ms. So most are looked for in the payload's
*skeleton*: payload and literal without the bytes most text is made of, newlines kept. That may find a line too
many, never one too few; whoever asked looks at the decoded value anyway.
"""

import re
from collections.abc import Callable, Iterator

from migration.detection.rules import ValueRule

_KEPT = b"\nABCDEFGHIJKLMNOPQRSTUVWXYZ_-.:/29bghjkmpqsvwxyz"
_DROPPED = bytes(byte for byte in range(256) if byte not in _KEPT)
_FEWEST_BONES = 2

# Digits become 0 and a hyphen becomes a blank, so that every form of a card number looks alike.
_DIGITS = bytes(0x30 if 0x30 <= byte <= 0x39 else 0x20 if byte == 0x2D else byte for byte in range(256))
_CARD = re.compile(b"0000 ?(?:0000 ?0000 ?0000|000000 ?00000)")
_CARD_WINDOW = 24


class Payload:
    """One chunk's payload, prepared for being searched by many rules."""

    def __init__(self, payload: bytes) -> None:
        """Take the skeleton of `payload`: canonical lines, each ended by a newline."""
        self._payload = payload
        self._skeleton = payload.translate(None, _DROPPED)

    def lines(self, rule: ValueRule) -> Iterator[int]:
        """Yield the numbers (from 0) of the lines whose value `rule` could match."""
        if rule.literal is None:
            return self._card_lines()
        literal = rule.literal.encode("ascii")
        bones = literal.translate(None, _DROPPED)
        if len(bones) < _FEWEST_BONES:
            return _lines_with(self._payload, literal)
        return _lines_with(self._skeleton, bones)

    def _card_lines(self) -> Iterator[int]:
        """Yield lines where a card number could stand: 15 digits in a row, or groups with separators."""
        masked = self._payload.translate(_DIGITS)
        yield from _lines_with(masked, b"0" * 15, _starts_no_fraction)
        yield from _lines_with(masked, b"0000 0000", _is_in_a_card)


def _lines_with(text: bytes, part: bytes, fits: Callable[[bytes, int], bool] | None = None) -> Iterator[int]:
    """Yield the lines of `text` in which `part` stands at a place that `fits`; each once."""
    number = counted = 0
    at = text.find(part)
    while at >= 0:
        if fits and not fits(text, at):
            at = text.find(part, at + len(part))
            continue
        number += text.count(b"\n", counted, at)
        yield number
        counted = text.index(b"\n", at)
        at = text.find(part, counted)


def _starts_no_fraction(masked: bytes, at: int) -> bool:
    return not masked.endswith(b".", 0, at)


def _is_in_a_card(masked: bytes, at: int) -> bool:
    return _CARD.search(masked, max(0, at - _CARD_WINDOW), at + _CARD_WINDOW) is not None
