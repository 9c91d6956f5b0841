"""Finds the few entries of a chunk that a rule could match: one pass over all keys, one over the whole payload.

What a rule needs, stands in a decoded value only if it stands in the payload's bytes: canonical lines escape nothing
but quotes, backslashes, control characters and lone surrogates, and no literal of a rule holds one of those. The
literals are looked for all at once (Aho and Corasick, 1975). This may name an entry too many, never one too few;
whoever asked looks at the decoded entry anyway.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from ahocorasick_rs import BytesAhoCorasick

from migration.detection.rules import KEY_HINTS, VALUE_RULES
from migration.values.lines import literals

_LITERALS = sorted({rule.literal.encode("ascii") for rule in VALUE_RULES if rule.literal})
# Places of rules in VALUE_RULES with their bodies for bytes, by the literal they need; cards need none.
_NEEDING = [
    [
        (place, rule.encoded)
        for place, rule in enumerate(VALUE_RULES)
        if rule.literal and rule.literal.encode("ascii") == literal
    ]
    for literal in _LITERALS
]
_CARD_RULES = [place for place, rule in enumerate(VALUE_RULES) if not rule.literal]

_FIND_LITERALS = BytesAhoCorasick(_LITERALS).find_matches_as_indexes
_FIND_HINTS = BytesAhoCorasick([hint.encode("ascii") for hint in KEY_HINTS]).find_matches_as_indexes

# Digits 0 and hyphens blanks: so all forms of a card number look alike.
_MASK = bytes(0x30 if 0x30 <= byte <= 0x39 else 0x20 if byte == 0x2D else byte for byte in range(256))
_CARD = re.compile(b"0000 ?(?:0000 ?0000 ?0000|000000 ?00000)")
_CARD_WINDOW = 32
# No card follows a point, but the digits of a random fraction do; without their beginning they are too few.
_FRACTION, _NOT_A_CARD = b".0000", b"....."


def hinted_keys(keys: Sequence[str]) -> set[int]:
    """Return the places of the keys that a key rule could match."""
    joined = b"\n".join(literals(keys)).lower()  # literals, because a key may hold a newline
    return set(_lines_at(joined, (at for _, at, _ in _FIND_HINTS(joined, overlapping=True))))


def possible_rules(payload: bytes) -> dict[int, set[int]]:
    """Return, by number of a line (from 0), the places in VALUE_RULES of the rules that could match its value.

    `payload` is canonical lines, each ended by a newline.
    """
    found: dict[int, set[int]] = {}
    for number, place in _lines_with_literals(payload):
        found.setdefault(number, set()).add(place)
    for number in _card_lines(payload.translate(_MASK).replace(_FRACTION, _NOT_A_CARD)):
        found.setdefault(number, set()).update(_CARD_RULES)
    return found


def _lines_with_literals(payload: bytes) -> Iterator[tuple[int, int]]:
    """Yield (line, place of a rule) for each literal that stands there; where bytes can tell, the body fits, too."""
    fitting = [
        (at, place)
        for literal, at, _ in _FIND_LITERALS(payload, overlapping=True)
        for place, encoded in _NEEDING[literal]
        if encoded is None or encoded.match(payload, at)
    ]
    lines = _lines_at(payload, (at for at, _ in fitting))
    yield from zip(lines, (place for _, place in fitting), strict=True)


def _card_lines(masked: bytes) -> Iterator[int]:
    """Yield lines in which a card number could stand: 15 digits in a row, or groups with separators."""
    yield from _lines_at(masked, _places(masked, b"0" * 15))
    yield from _lines_at(masked, _places(masked, b"0000 0000", _is_in_a_card))


def _places(text: bytes, part: bytes, fits: Callable[[bytes, int], bool] | None = None) -> Iterator[int]:
    """Yield where `part` stands in `text` and `fits`, at most once a line."""
    at = text.find(part)
    while at >= 0:
        if fits is None or fits(text, at):
            yield at
            at = text.index(b"\n", at)
        else:
            at += len(part)
        at = text.find(part, at)


def _lines_at(text: bytes, places: Iterable[int]) -> Iterator[int]:
    """Yield the line number of each of the `places`, which rise, but for such as overlap."""
    number = counted = 0
    for place in places:
        if place > counted:  # those that overlap stand in one line
            number += text.count(b"\n", counted, place)
            counted = place
        yield number


def _is_in_a_card(masked: bytes, at: int) -> bool:
    return _CARD.search(masked, max(0, at - _CARD_WINDOW), at + _CARD_WINDOW) is not None
