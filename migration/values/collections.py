"""Which collection a key belongs to: the first of a list one of whose patterns matches the whole key.

A pattern is literal text with `*` for any run of UTF-16 code units (also none). Keys are any strings
localStorage can hold: newlines, NUL and lone surrogates included. `tests/vectors/collections.json` holds
this module and the browser's labeller to the same answers.

No regular expression is involved: patterns come from clients, and finding a key's label takes time linear in
the key whatever they are. Exact patterns sit in a dict, `prefix*` in a sorted list, and the rest are looked
through in the list's order.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

DEFAULT = "default"
MAX_COLLECTIONS = 200
MAX_PATTERNS = 50
MAX_PATTERN_LENGTH = 512
MAX_STARS = 8

_LONE = re.compile("[\ud800-\udfff]")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


class PatternsInvalid(ValueError):
    """The list of collections is too long, or one of its patterns is too long or has too many stars."""


@dataclass(frozen=True, slots=True)
class Glob:
    """One pattern cut at its stars; `parts` has at least two members."""

    parts: tuple[str, ...]

    def matches(self, key: str) -> bool:
        """Tell whether the pattern matches the whole of `key`. Linear in the key."""
        first, *middle, last = self.parts
        end = len(key) - len(last)
        if end < len(first) or not key.startswith(first) or not key.endswith(last):
            return False
        at = len(first)
        for part in middle:
            at = key.find(part, at, end)
            if at < 0:
                return False
            at += len(part)
        return True


@dataclass(frozen=True, slots=True)
class _Prefix:
    """A literal prefix, the first collection that one of its own prefixes or itself names, and the next shorter."""

    text: str
    rank: int
    shorter: "_Prefix | None"


@dataclass(slots=True)
class Labeller:
    """Labels keys by one list of collections. Made by `compile_labels`; reads only, so threads may share it."""

    names: tuple[str, ...]
    exact: dict[str, int] = field(default_factory=dict)
    prefixes: list[_Prefix] = field(default_factory=list)
    prefix_texts: list[str] = field(default_factory=list)
    globs: list[tuple[int, Glob]] = field(default_factory=list)
    in_units: bool = False

    def label(self, key: str) -> str:
        """Return the name of the collection `key` belongs to, `default` if none claims it."""
        return self.names[self.rank(key)]

    def label_all(self, keys: Sequence[str]) -> list[str]:
        """Return the name of each key's collection."""
        if self.prefix_texts == [""] and not self.exact and not self.globs:
            return [self.names[self.prefixes[0].rank]] * len(keys)  # one pattern, `*`
        return [self.names[rank] for rank in map(self.rank, keys)]

    def rank(self, key: str) -> int:
        """Return the place in the list of the collection `key` belongs to, the list's length if none."""
        if self.in_units:
            key = code_units(key)
        rank = self.exact.get(key, len(self.names) - 1)
        at = bisect_right(self.prefix_texts, key)
        prefix = self.prefixes[at - 1] if at else None
        while prefix is not None and not key.startswith(prefix.text):
            prefix = prefix.shorter
        if prefix is not None and prefix.rank < rank:
            rank = prefix.rank
        for place, glob in self.globs:
            if place >= rank:
                break
            if glob.matches(key):
                return place
        return rank


def compile_labels(collections: Iterable[tuple[str, Iterable[str]]]) -> Labeller:
    """Return a labeller for (name, patterns) pairs in order of precedence.

    Raises PatternsInvalid beyond 200 collections, 50 patterns each, 512 code points or 8 stars a pattern.
    """
    listed = [(name, tuple(patterns)) for name, patterns in collections]
    _check(listed)
    in_units = any(_LONE.search(pattern) for _, patterns in listed for pattern in patterns)
    labeller = Labeller(names=(*(name for name, _ in listed), DEFAULT), in_units=in_units)
    starred: dict[str, int] = {}
    for rank, (_, patterns) in enumerate(listed):
        for pattern in patterns:
            parts = tuple((code_units(pattern) if in_units else pattern).split("*"))
            if len(parts) == 1:
                labeller.exact.setdefault(parts[0], rank)
            elif len(parts) == 2 and not parts[1]:
                starred.setdefault(parts[0], rank)
            else:
                labeller.globs.append((rank, Glob(parts)))
    labeller.prefixes = _chained(starred)
    labeller.prefix_texts = [prefix.text for prefix in labeller.prefixes]
    return labeller


def compile_patterns(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Return a test that is true for keys one of `patterns` matches whole. Raises PatternsInvalid."""
    pages = [patterns[at : at + MAX_PATTERNS] for at in range(0, len(patterns), MAX_PATTERNS)]
    labeller = compile_labels([("listed", page) for page in pages])
    return lambda key: labeller.rank(key) < len(pages)


def code_units(text: str) -> str:
    """Return `text` with each character beyond U+FFFF as its two surrogates, as JavaScript counts."""
    return _ASTRAL.sub(_surrogates, text)


def _surrogates(character: re.Match[str]) -> str:
    offset = ord(character[0]) - 0x10000
    return chr(0xD800 + (offset >> 10)) + chr(0xDC00 + (offset & 0x3FF))


def _chained(starred: dict[str, int]) -> list[_Prefix]:
    """Sort prefixes and link each to the longest other one it starts with.

    Any listed prefix of a key sorts at or before the key, and every text between the two starts with it; so
    the prefixes of a key are all on the chain of its last predecessor.
    """
    chained: list[_Prefix] = []
    for text in sorted(starred):
        shorter = chained[-1] if chained else None
        while shorter is not None and not text.startswith(shorter.text):
            shorter = shorter.shorter
        rank = starred[text] if shorter is None else min(starred[text], shorter.rank)
        chained.append(_Prefix(text, rank, shorter))
    return chained


def _check(listed: list[tuple[str, tuple[str, ...]]]) -> None:
    if len(listed) > MAX_COLLECTIONS:
        raise PatternsInvalid(f"{len(listed)} collections; at most {MAX_COLLECTIONS} are allowed")
    for name, patterns in listed:
        if len(patterns) > MAX_PATTERNS:
            raise PatternsInvalid(f"collection {name!r} has {len(patterns)} patterns; at most {MAX_PATTERNS}")
        for pattern in patterns:
            if len(pattern) > MAX_PATTERN_LENGTH or pattern.count("*") > MAX_STARS:
                raise PatternsInvalid(
                    f"a pattern of collection {name!r} is longer than {MAX_PATTERN_LENGTH} characters"
                    f" or has more than {MAX_STARS} stars"
                )
