"""AdaptiveBatcher: how large the next batch should be, by what the last one took, and why. Pure."""

from dataclasses import dataclass, replace

_CALM = 0.8
"""Within this share of the target and the target itself, a batch has the right size."""
_FASTEST = 4.0
"""A batch grows to this many times its size at most: what is measured of a small one says little of a large one."""


@dataclass(frozen=True, slots=True)
class BatchSize:
    """How many records the next batch may have, and why."""

    records: int
    reason: str


@dataclass(frozen=True, slots=True)
class AdaptiveBatcher:
    """The bounds of a batch and its size now. Each measurement returns another one."""

    target_seconds: float
    least: int
    most: int
    memory_bytes: int
    """What the records of one batch may take, bytes."""
    size: BatchSize

    @classmethod
    def starting(
        cls, *, target_seconds: float, least: int, start: int, most: int, memory_bytes: int
    ) -> "AdaptiveBatcher":
        """Begin with `start` records, held to the bounds."""
        size = BatchSize(min(max(start, least), most), "the first batch")
        return cls(target_seconds, least, most, memory_bytes, size)

    def measured(self, *, records: int, seconds: float, bytes_held: int = 0) -> "AdaptiveBatcher":
        """Return the batcher after a batch of `records` that took `seconds` and held `bytes_held` in memory.

        A batch that was smaller than it could have been (the end of a file) says nothing of a larger one, unless it was
        too slow all the same.
        """
        if records <= 0:
            return self
        if bytes_held and (held := self._by_memory(records, bytes_held)) is not None:
            return held
        return self._by_time(records, max(seconds, 1e-6))

    def _by_memory(self, records: int, bytes_held: int) -> "AdaptiveBatcher | None":
        fits = self.memory_bytes * records // bytes_held
        if fits >= self.size.records:
            return None
        return self._to(fits, f"a record takes {bytes_held // records} bytes, {self.memory_bytes} are there")

    def _by_time(self, records: int, seconds: float) -> "AdaptiveBatcher":
        took = f"{records} records took {seconds:.2f} s, target {self.target_seconds:g} s"
        if seconds > self.target_seconds:
            return self._to(int(records * self.target_seconds / seconds), f"smaller: {took}")
        if seconds >= _CALM * self.target_seconds or records < self.size.records:
            return replace(self, size=BatchSize(self.size.records, f"as before: {took}"))
        growth = min(self.target_seconds / seconds, _FASTEST)
        return self._to(int(self.size.records * growth), f"larger: {took}")

    def _to(self, records: int, reason: str) -> "AdaptiveBatcher":
        bounded = min(max(records, self.least), self.most)
        if bounded == self.most and records >= self.most:
            reason += ", more is not allowed"
        elif bounded == self.least and records <= self.least:
            reason += ", fewer is not allowed"
        return replace(self, size=BatchSize(bounded, reason))
