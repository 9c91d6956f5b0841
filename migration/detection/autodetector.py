"""Decides what type of value each collection holds, from a sample. Only processes data."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from migration.detection.types import type_of
from migration.values.lines import Lines

MIXED = "mixed"


@dataclass(frozen=True, slots=True)
class TypeVerdict:
    """What a collection mostly holds, and why we think so.

    `type` is one of `types.TYPES`, or `mixed` where none has the needed share. `counts` are the sampled
    values by type, the most frequent first.
    """

    collection: str
    type: str
    share: float
    sampled: int
    counts: Mapping[str, int]
    reason: str


@dataclass(frozen=True, slots=True)
class AutoDetector:
    """Samples chunks and judges collections.

    `per_chunk`: values looked at in one chunk, at most. `dominant`: share from which a type stands for its
    collection.
    """

    per_chunk: int = 50
    dominant: float = 0.9

    def sample(self, entries: Lines, *, label: Callable[[str], str]) -> dict[str, Counter[str]]:
        """Return counts of types by collection for evenly spaced entries; deletions count for nothing.

        The same entries always give the same sample, so that a batch done twice tells the same.
        """
        counts: dict[str, Counter[str]] = {}
        step = -(-len(entries) // self.per_chunk) or 1
        for entry in entries[::step]:
            if entry.value is not None:
                counts.setdefault(label(entry.key), Counter())[type_of(entry.value)] += 1
        return counts

    def merge(self, samples: Iterable[Mapping[str, Mapping[str, int]]]) -> dict[str, Counter[str]]:
        """Return the sum of several samples."""
        total: dict[str, Counter[str]] = {}
        for sample in samples:
            for collection, counts in sample.items():
                total.setdefault(collection, Counter()).update(counts)
        return total

    def judge(self, counts: Mapping[str, Mapping[str, int]]) -> list[TypeVerdict]:
        """Return a verdict for each collection of which something was sampled, by name."""
        return [self._verdict(name, counts[name]) for name in sorted(counts) if sum(counts[name].values())]

    def _verdict(self, collection: str, counts: Mapping[str, int]) -> TypeVerdict:
        ranked = sorted((name for name in counts if counts[name]), key=lambda name: (-counts[name], name))
        sampled = sum(counts.values())
        share = counts[ranked[0]] / sampled
        clear = share >= self.dominant
        found = ", ".join(f"{counts[name]} {name}" for name in ranked)
        return TypeVerdict(
            collection=collection,
            type=ranked[0] if clear else MIXED,
            share=share,
            sampled=sampled,
            counts={name: counts[name] for name in ranked},
            reason=f"{sampled} sampled: {found}" + ("" if clear else f"; none reaches {self.dominant:.0%}"),
        )
