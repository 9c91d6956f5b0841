"""Finds the few lines of a chunk's payload that a value rule could match, without decoding any.

A literal of a rule stands in a decoded value only if it stands in the payload's bytes: canonical lines escape
nothing but quotes, backslashes, control characters and lone surrogates, and no literal holds one of those.
Looking for three dozen literals in a megabyte one by one would take 15 ms. So the rarest bytes of literals are
made one, the *anchor*, which no payload holds, and a single pattern looks around each anchor. That may name
a line too many, never one too few; whoever asked looks at the decoded value anyway.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from migration.detection.rules import VALUE_RULES

_ANCHOR = b"\x01"
_RARE = b"_/BGIJKXkwx"


def _mask(byte: int) -> int:
    """Make rare bytes the anchor, digits 0 and hyphens blanks: so all forms of a card number look alike, too."""
    if byte in _RARE:
        return _ANCHOR[0]
    if byte in b"0123456789":
        return 0x30
    return 0x20 if byte == 0x2D else byte


_MASK = bytes(map(_mask, range(256)))
_CARD = re.compile(b"0000 ?(?:0000 ?0000 ?0000|000000 ?00000)")
_CARD_WINDOW = 32

# Places of rules in VALUE_RULES, by the literal they need; cards need none.
_PLACES = [(rule.literal.encode("ascii"), place) for place, rule in enumerate(VALUE_RULES) if rule.literal]
_CARD_RULES = [place for place, rule in enumerate(VALUE_RULES) if not rule.literal]


@dataclass(frozen=True, slots=True)
class _Meant:
    """A rule an alternative of the anchored pattern may stand for; its literal begins `back` before the anchor."""

    place: int
    back: int
    encoded: re.Pattern[bytes] | None

    def is_at(self, payload: bytes, anchor: int) -> bool:
        """Tell whether the rule could match where the mask has an anchor."""
        return self.encoded is None or self.encoded.match(payload, anchor - self.back) is not None


def _ends(masked: bytes) -> tuple[bytes, bytes]:
    """Cut a masked literal at its first anchor."""
    head, _, tail = masked.partition(_ANCHOR)
    return head, tail


def _may_share_an_anchor(one: bytes, other: bytes) -> bool:
    """Tell whether both masked literals can stand in one text with the same first anchor."""
    (head, tail), (other_head, other_tail) = _ends(one), _ends(other)
    tails = tail.startswith(other_tail) or other_tail.startswith(tail)
    return tails and (head.endswith(other_head) or other_head.endswith(head))


def _around_anchors(order: list[bytes]) -> re.Pattern[bytes]:
    """Return what finds masked literals, the anchor first, then what follows it, then what is before."""
    by_next: dict[bytes, list[bytes]] = {}
    tailless = []
    for each in order:
        tail = _ends(each)[1]
        behind = b"(?<=%s)(?P<r%d>)" % (re.escape(each), order.index(each))
        if tail:
            by_next.setdefault(tail[:1], []).append(re.escape(tail[1:]) + behind)
        else:
            tailless.append(behind)
    before = b"".join(sorted({re.escape(each[-2:-1]) for each in order if not _ends(each)[1]}))
    tailed = [re.escape(letter) + b"(?:%s)" % b"|".join(rest) for letter, rest in by_next.items()]
    closing = b"(?<=[%s]%s)(?:%s)" % (before, _ANCHOR, b"|".join(tailless))
    return re.compile(_ANCHOR + b"(?:%s)" % b"|".join([*tailed, closing]))


def _meant_by(each: bytes, order: list[bytes]) -> list[_Meant]:
    """Return the rules that may be meant where `each` is found: those before it in the order are not there."""
    possible = {later for later in order[order.index(each) :] if _may_share_an_anchor(each, later)}
    return [
        _Meant(place, len(_ends(literal.translate(_MASK))[0]), VALUE_RULES[place].encoded)
        for literal, place in _PLACES
        if literal.translate(_MASK) in possible
    ]


# The longest tails first, so that a shorter literal hides no longer one.
_ORDER = sorted(
    {masked for literal, _ in _PLACES if _ANCHOR in (masked := literal.translate(_MASK))},
    key=lambda masked: (-len(_ends(masked)[1]), masked),
)
_ANCHORED = _around_anchors(_ORDER)
_MEANT = {f"r{rank}": _meant_by(masked, _ORDER) for rank, masked in enumerate(_ORDER)}
_PLAIN = [(literal, place) for literal, place in _PLACES if _ANCHOR not in literal.translate(_MASK)]


def possible_rules(payload: bytes) -> dict[int, set[int]]:
    """Return, by number of a line (from 0), the places in VALUE_RULES of the rules that could match its value.

    `payload` is canonical lines, each ended by a newline.
    """
    masked = payload.translate(_MASK)
    found: dict[int, set[int]] = {}
    for number, place in _anchored_lines(payload, masked):
        found.setdefault(number, set()).add(place)
    for literal, place in _PLAIN:
        for number in _lines_at(payload, _places(payload, literal)):
            found.setdefault(number, set()).add(place)
    for number in _card_lines(masked):
        found.setdefault(number, set()).update(_CARD_RULES)
    return found


def _anchored_lines(payload: bytes, masked: bytes) -> Iterator[tuple[int, int]]:
    """Yield (line, place of a rule), each once, for literals with an anchor; where bytes can tell, the body fits."""
    number = counted = 0
    told: dict[int, int] = {}  # place of a rule: end of the last line it was named for
    match = _ANCHORED.search(masked)
    while match is not None:
        at = match.start()
        for meant in _MEANT[str(match.lastgroup)]:
            if told.get(meant.place, 0) <= at and meant.is_at(payload, at):
                number += masked.count(b"\n", counted, at)
                counted = at
                told[meant.place] = masked.index(b"\n", at)
                yield number, meant.place
        match = _ANCHORED.search(masked, at + 1)


def _card_lines(masked: bytes) -> Iterator[int]:
    """Yield lines in which a card number could stand: 15 digits in a row, or groups with separators."""
    yield from _lines_at(masked, _places(masked, b"0" * 15, _starts_no_fraction))
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


def _lines_at(text: bytes, places: Iterator[int]) -> Iterator[int]:
    """Yield the line number of each of the rising `places`."""
    number = counted = 0
    for place in places:
        number += text.count(b"\n", counted, place)
        counted = place
        yield number


def _starts_no_fraction(masked: bytes, at: int) -> bool:
    return not masked.endswith(b".", 0, at)


def _is_in_a_card(masked: bytes, at: int) -> bool:
    return _CARD.search(masked, max(0, at - _CARD_WINDOW), at + _CARD_WINDOW) is not None
