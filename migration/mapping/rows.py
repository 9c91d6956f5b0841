"""Entries → rows. The hot path: no model instance, no second encoding, no work per entry that a slice can save."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from hashlib import sha256

from migration.values.forms import LITERAL, NOT_JSON, VERBATIM, form_of_encoded
from migration.values.lines import Lines, literals
from migration.values.rows import Row

Label = Callable[[str], str]
"""Names the collection a key belongs to."""

# The tuple's own constructor: half the price of Row(…), which passes through a Python __new__.
_ROW: Callable[[tuple[object, ...]], Row] = partial(tuple.__new__, Row)


class DataMapper:
    """Maps entries to the verbatim record. What a collection declares beyond that widens `rows`."""

    def __init__(self, *, label: Label) -> None:
        """Remember how keys are labelled."""
        self._label = label

    def rows(self, lines: Lines, *, first: int = 0, skip: frozenset[int] = frozenset()) -> list[Row]:
        """Return one row per line, ordinals counted from `first`, leaving out the ordinals in `skip`."""
        return map_rows(lines, label=self._label, first=first, skip=skip)


def map_rows(lines: Lines, *, label: Label, first: int = 0, skip: frozenset[int] = frozenset()) -> list[Row]:
    """Return one row per line, ordinals counted from `first`, leaving out the ordinals in `skip`."""
    ordinals: Sequence[int] = range(first, first + len(lines))
    if skip:
        ordinals = [ordinal for ordinal in ordinals if ordinal not in skip]
        lines = Lines.of(lines[ordinal - first] for ordinal in ordinals)
    if not lines:
        return []
    key_jsons = literals(lines.keys)
    kept, forms, queryable = zip(*_kept(lines, key_jsons), strict=True)
    key_hashes, fingerprints = _hashes(key_jsons), _hashes(lines.raws)
    columns = (ordinals, key_hashes, key_jsons, map(label, lines.keys), kept, forms, queryable, fingerprints)
    return list(map(_ROW, zip(*columns, strict=True)))


def _hashes(texts: Iterable[bytes]) -> list[bytes]:
    return [sha256(text).digest() for text in texts]


def _kept(lines: Lines, key_jsons: Sequence[bytes]) -> Iterator[tuple[bytes | None, int, bool]]:
    """Yield each value as its column takes it, its form, and whether it is queryable."""
    for value, raw, key_json in zip(lines.values, lines.raws, key_jsons, strict=True):
        if value is None:
            yield None, VERBATIM, False
            continue
        try:
            encoded = value.encode()
            decided = form_of_encoded(encoded)
        except UnicodeEncodeError:
            decided = NOT_JSON
        if decided is NOT_JSON:
            yield raw[len(key_json) + 2 : -1], LITERAL, False  # the line already holds the value's literal
        else:
            yield encoded, VERBATIM, decided.queryable
