"""Takes the shapes of a few entries of a span: all that is kept for the schemas of collections."""

from collections import Counter
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from typing import Any

from migration.detection.secrets import find_secret
from migration.detection.shapes import shape_of
from migration.values.judged import judged
from migration.values.lines import Lines


@dataclass(frozen=True, slots=True)
class Sampled:
    """One entry's shape. `ordinal` counts from the span's beginning; nothing of the value is kept."""

    ordinal: int
    collection: str
    shape: dict[str, Any]


@dataclass(slots=True)
class Thinned:
    """At most `wanted` evenly spaced entries of a span of `size`, which comes in slices."""

    size: int
    wanted: int
    _seen: int = 0
    _taken: list[Lines] = field(default_factory=list)

    @property
    def step(self) -> int:
        """Every how many entries one is taken, the first for one."""
        return -(-self.size // self.wanted) or 1

    def take(self, lines: Lines) -> None:
        """Look at the next slice."""
        self._taken.append(lines[-self._seen % self.step :: self.step])
        self._seen += len(lines)

    @property
    def lines(self) -> Lines:
        """What was taken of the slices so far."""
        return Lines.joined(self._taken)


@dataclass(frozen=True, slots=True)
class SchemaSampler:
    """Says which entries are looked at: a bounded number, evenly spaced, the same ones for the same span.

    `per_collection` and `per_span` bound a sample; an entry longer than `entry_bytes` is left out. Of collections
    that are known well enough only one span in `thin` is looked at.
    """

    per_collection: int = 8
    per_span: int = 32
    entry_bytes: int = 8_192
    thin: int = 32

    def sample(
        self, lines: Lines, *, label: Callable[[str], str], known: Container[str] | None, turn: int
    ) -> list[Sampled]:
        """Return shapes of entries by collection, in order; deletions and what looks like a secret are left out.

        `known`: collections of which enough was seen, None when that is true of all; `turn` numbers the spans.
        """
        is_thin = turn % self.thin != 0
        if known is None and is_thin:
            return []
        found: list[Sampled] = []
        taken: Counter[str] = Counter()
        step = -(-len(lines) // self.per_span) or 1
        for ordinal in range(0, len(lines), step):
            line = lines[ordinal]
            if line.value is None or len(line.raw) > self.entry_bytes:
                continue
            collection = label(line.key)
            if taken[collection] >= self.per_collection or (is_thin and known is not None and collection in known):
                continue
            if find_secret(line.key, line.value) is None:
                taken[collection] += 1
                found.append(Sampled(ordinal, collection, shape_of(judged(line.value)).as_data()))
        return found
