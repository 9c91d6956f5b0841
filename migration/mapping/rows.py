"""Entries → rows. The hot path: no model instance, no second encoding, no work per entry that a slice can save."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from hashlib import sha256

from migration.values.forms import NOT_JSON, Form, forms_of
from migration.values.lines import Lines, literals
from migration.values.rows import Row

LabelAll = Callable[[Sequence[str]], Iterable[str]]
"""Names the collections keys belong to, in the order of the keys."""

# The tuple's own constructor: half the price of Row(…), which passes through a Python __new__.
_ROW: Callable[[tuple[object, ...]], Row] = partial(tuple.__new__, Row)


def all_in(collection: str) -> LabelAll:
    """Return what names the same collection for every key."""
    return lambda keys: [collection] * len(keys)


class DataMapper:
    """Maps entries to the verbatim record. What a collection declares beyond that widens `rows`."""

    def __init__(self, *, label_all: LabelAll) -> None:
        """Remember how keys are labelled."""
        self._label_all = label_all

    def rows(self, lines: Lines, *, first: int = 0, skip: frozenset[int] = frozenset()) -> list[Row]:
        """Return one row per line, ordinals counted from `first`, leaving out the ordinals in `skip`."""
        return map_rows(lines, label_all=self._label_all, first=first, skip=skip)


def map_rows(lines: Lines, *, label_all: LabelAll, first: int = 0, skip: frozenset[int] = frozenset()) -> list[Row]:
    """Return one row per line, ordinals counted from `first`, leaving out the ordinals in `skip`."""
    ordinals: Sequence[int] = range(first, first + len(lines))
    if skip:
        ordinals = [ordinal for ordinal in ordinals if ordinal not in skip]
        lines = Lines.of(lines[ordinal - first] for ordinal in ordinals)
    if not lines:
        return []
    key_jsons = literals(lines.keys)
    kept, forms = _kept(lines, key_jsons)
    stored, queryable = [form.form for form in forms], [form.queryable for form in forms]
    key_hashes, fingerprints = _hashes(key_jsons), _hashes(lines.raws)
    columns = (ordinals, key_hashes, key_jsons, label_all(lines.keys), kept, stored, queryable, fingerprints)
    return list(map(_ROW, zip(*columns, strict=True)))


def _hashes(texts: Iterable[bytes]) -> list[bytes]:
    return [sha256(text).digest() for text in texts]


def _kept(lines: Lines, key_jsons: Sequence[bytes]) -> tuple[list[bytes | None], list[Form]]:
    """Return each value as its column takes it, and its form."""
    kept = _encoded(lines.values)
    forms = forms_of(kept)
    for place, form in enumerate(forms):
        if form is NOT_JSON:  # the line already holds the value's literal
            kept[place] = lines.raws[place][len(key_jsons[place]) + 2 : -1]
    return kept, forms


def _encoded(values: Sequence[str | None]) -> list[bytes | None]:
    """Return UTF-8; of what has none, nothing, which is no JSON either."""
    try:
        return list(map(str.encode, values))  # type: ignore[arg-type] # refuses None, as mypy says
    except (UnicodeEncodeError, TypeError):
        return [None if value is None else _utf8(value) for value in values]


def _utf8(value: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError:
        return b""
