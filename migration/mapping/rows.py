"""Entries → rows. The hot path: no model instance, no second encoding, no work per entry that a slice can save."""

from collections.abc import Callable, Sequence
from hashlib import sha256

from migration.values.forms import LITERAL, VERBATIM, form_of_encoded
from migration.values.lines import Line, literal
from migration.values.rows import Row

Label = Callable[[str], str]
"""Names the collection a key belongs to."""


class DataMapper:
    """Maps entries to the verbatim record. What a collection declares beyond that widens `rows`."""

    def __init__(self, *, label: Label) -> None:
        """Remember how keys are labelled."""
        self._label = label

    def rows(self, lines: Sequence[Line], *, first: int = 0, skip: frozenset[int] = frozenset()) -> list[Row]:
        """Return one row per line, ordinals counted from `first`, leaving out the ordinals in `skip`."""
        return map_rows(lines, label=self._label, first=first, skip=skip)


def map_rows(lines: Sequence[Line], *, label: Label, first: int = 0, skip: frozenset[int] = frozenset()) -> list[Row]:
    """Return one row per line, ordinals counted from `first`, leaving out the ordinals in `skip`."""
    if skip:
        return [_row(place, line, label(line.key)) for place, line in enumerate(lines, first) if place not in skip]
    return [_row(place, line, label(line.key)) for place, line in enumerate(lines, first)]


def _row(ordinal: int, line: Line, collection: str) -> Row:
    raw, value = line.raw, line.value
    key_json = literal(line.key)
    if value is None:
        kept, form, queryable = None, VERBATIM, False
    else:
        kept, form, queryable = _kept(value, raw, len(key_json) + 2)
    # Through the tuple's own constructor: half the price of Row(…), which passes through a Python __new__.
    return tuple.__new__(
        Row,
        (ordinal, sha256(key_json).digest(), key_json, collection, kept, form, queryable, sha256(raw).digest()),
    )


def _kept(value: str, raw: bytes, start: int) -> tuple[bytes, int, bool]:
    """Return the value as its column takes it; the literal is a slice of the line, which already holds one."""
    try:
        encoded = value.encode()
    except UnicodeEncodeError:
        return raw[start:-1], LITERAL, False
    decided = form_of_encoded(encoded)
    if decided.form == LITERAL:
        return raw[start:-1], LITERAL, False
    return encoded, VERBATIM, decided.queryable
