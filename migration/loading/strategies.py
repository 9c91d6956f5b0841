"""How records come into Postgres: which way is chosen for what, and which is tried when one fails. Pure."""

from dataclasses import dataclass
from enum import StrEnum

FEW = 40
"""Records below which filling a staging table takes longer than the rows."""
AT_ONCE = 1_000
"""Records of one multi-row statement."""
_FAR = 0.02
"""Seconds a round trip may take before it, and not the rows, is what a batch waits for."""
_WORTH_A_WORKER = 50_000
"""Records for which it pays to start one more process."""
_MOSTLY = 0.5


class Strategy(StrEnum):
    """`copy`, `upsert` and `row` are ways of one worker; `parallel` and `hybrid` are several workers upon the two.

    `copy`: binary COPY, then one merge. `upsert`: multi-row statements. `row`: a statement per record.
    """

    COPY = "copy"
    UPSERT = "upsert"
    ROW = "row"
    PARALLEL = "parallel"
    HYBRID = "hybrid"

    @property
    def way(self) -> "Strategy":
        """How each worker of this strategy writes."""
        return _WAYS.get(self, self)


AUTO = "auto"
"""What is wished for by whoever leaves the choice to us."""
WISHES = (AUTO, *Strategy)

_WAYS = {Strategy.PARALLEL: Strategy.UPSERT, Strategy.HYBRID: Strategy.COPY}
_SEVERAL = {Strategy.COPY: Strategy.HYBRID, Strategy.UPSERT: Strategy.PARALLEL, Strategy.ROW: Strategy.PARALLEL}
_BELOW = {Strategy.COPY: Strategy.UPSERT, Strategy.UPSERT: Strategy.ROW}


@dataclass(frozen=True, slots=True)
class Job:
    """What is known of the work before it begins."""

    records: int
    updates: float = 0.0
    """Share of the records that stand over something already held, 0 to 1."""
    pieces: int = 1
    """Into how many pieces, each of whole owners, the work can be divided."""
    cores: int = 1
    busy: float = 0.0
    """Share of all cores that is at work already, 0 to 1."""
    latency_seconds: float = 0.0
    """How long Postgres takes to answer to nothing."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How to write, with how many workers, and why."""

    strategy: Strategy
    workers: int
    reason: str


def choose(job: Job, *, wished: str = AUTO, max_workers: int = 1, cpu_threshold: float = 0.8) -> Choice:
    """Return the strategy for some work. What is wished for is done, with as many workers as there is work for.

    `cpu_threshold` is the share of all cores that may be at work, ours included. Raises ValueError for a wish that is
    none of WISHES.
    """
    workers, because = _workers(job, max_workers=max_workers, cpu_threshold=cpu_threshold)
    if wished != AUTO:
        return _as_wished(job, Strategy(wished), max_workers)
    way, reason = _way(job)
    if workers == 1:
        return Choice(way, 1, f"{reason}; one worker: {because}")
    return Choice(_SEVERAL[way], workers, f"{reason}; {workers} workers: {because}")


def next_below(strategy: Strategy) -> Strategy | None:
    """Return the next rung of the ladder copy, upsert, row; None where single records are tried already."""
    return _BELOW.get(strategy.way)


def _as_wished(job: Job, wished: Strategy, max_workers: int) -> Choice:
    workers = max(1, min(max_workers, job.pieces)) if wished in _WAYS else 1
    return Choice(wished, workers, "asked for")


def _way(job: Job) -> tuple[Strategy, str]:
    if job.latency_seconds >= _FAR and job.records >= FEW:
        return Strategy.COPY, f"Postgres answers in {1000 * job.latency_seconds:.0f} ms: as few statements as can be"
    if job.records < FEW:
        return Strategy.UPSERT, f"{job.records} records: fewer than a staging table is worth"
    if job.updates >= _MOSTLY:
        share = f"{100 * job.updates:.0f} % of {job.records} records stand over others"
        return Strategy.UPSERT if job.records < AT_ONCE else Strategy.COPY, f"{share}: they are merged"
    return Strategy.COPY, f"{job.records} records, {100 * (1 - job.updates):.0f} % of them new: copied"


def _workers(job: Job, *, max_workers: int, cpu_threshold: float) -> tuple[int, str]:
    """Return how many workers, and what holds it to that: the strictest bound of all."""
    free = max(0.0, cpu_threshold - job.busy) * job.cores
    bounds = {
        "no more are allowed": max_workers,
        f"{job.pieces} pieces": job.pieces,
        f"{job.records} records": job.records // _WORTH_A_WORKER,
        # A worker and the backend that serves it keep a core busy between them.
        f"{free:.1f} of {job.cores} cores free": int(free + 0.5),
    }
    because = min(bounds, key=lambda name: bounds[name])
    return max(1, bounds[because]), because
