"""Gates: what must hold before a stage is gone on from, and what breaks it off. Pure: figures in, verdicts out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from migration.config import limit_of
from migration.states import Stage

WHOLE = 10_000
"""Basis points of everything."""


class Measure(StrEnum):
    """What a gate looks at."""

    RECEIPTS = "receipts"
    OUTBOX = "outbox"
    DIFF = "diff"
    SAMPLES = "samples"
    MISMATCHES = "mismatches"
    ERRORS = "errors"
    LATENCY = "latency"
    ROLLBACK = "rollback"
    STRAGGLERS = "stragglers"


_COMPARED = (Measure.SAMPLES, Measure.MISMATCHES, Measure.ERRORS, Measure.LATENCY)
ASKED: Mapping[Stage, tuple[Measure, ...]] = {
    Stage.OFF: (),
    Stage.DUAL_WRITE: (Measure.RECEIPTS, Measure.OUTBOX, Measure.DIFF, Measure.ROLLBACK),
    Stage.SHADOW: (Measure.OUTBOX, Measure.DIFF, *_COMPARED, Measure.ROLLBACK),
    Stage.RAMP: (Measure.RECEIPTS, Measure.OUTBOX, Measure.DIFF, *_COMPARED, Measure.ROLLBACK),
    Stage.SERVER_PRIMARY: (Measure.STRAGGLERS, Measure.OUTBOX, Measure.DIFF, Measure.ROLLBACK),
    Stage.COMPLETE: (),
}
"""The gates of each stage, in the order they are told."""


@dataclass(frozen=True, slots=True)
class Comparisons:
    """What was compared in a window: keys, devices that compared and those that found something, p99 in ms."""

    compared: int = 0
    agreed: int = 0
    noise: int = 0
    errors: int = 0
    devices: int = 0
    devices_amiss: int = 0
    p99_ms: float | None = None

    @property
    def asked(self) -> int:
        """How often the server was asked for something to compare."""
        return self.compared + self.errors

    @property
    def mismatch_rate(self) -> float | None:
        """The share of what was compared that differs, noise left out; None of nothing."""
        return (self.compared - self.agreed - self.noise) / self.compared if self.compared else None

    @property
    def error_rate(self) -> float | None:
        """The share of questions that were not answered; None of nothing."""
        return self.errors / self.asked if self.asked else None


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known of one collection of one app. Devices are those seen lately; ages in seconds.

    `apart` counts open conflicts and open quarantine; `proof_age` is the age of the newest proof that rollback works,
    None where there is none; `proof_holds` what it came to.
    """

    devices: int = 0
    receipts: int = 0
    apart: int = 0
    outboxes: int = 0
    outbox_p99: float | None = None
    proof_age: float | None = None
    proof_holds: bool = False
    comparisons: Comparisons = Comparisons()

    @property
    def stragglers(self) -> int:
        """Devices without a receipt of their own."""
        return self.devices - self.receipts


@dataclass(frozen=True, slots=True)
class Limits:
    """An app's limits. Shares in basis points."""

    receipts: int
    outbox_seconds: int
    diff: int
    comparisons: int
    mismatches: int
    errors: int
    p99_ms: int
    proof_hours: int
    stragglers: int
    breach_comparisons: int
    breach_devices: int
    breach_mismatches: int
    breach_errors: int
    breach_p99_ms: int

    @classmethod
    def of(cls, own: Mapping[str, Any]) -> "Limits":
        """Return the limits of an app whose own ones are `own`."""
        return cls(
            receipts=limit_of(own, "GATE_RECEIPTS"),
            outbox_seconds=limit_of(own, "GATE_OUTBOX_SECONDS"),
            diff=limit_of(own, "GATE_DIFF"),
            comparisons=limit_of(own, "GATE_COMPARISONS"),
            mismatches=limit_of(own, "GATE_MISMATCHES"),
            errors=limit_of(own, "GATE_ERRORS"),
            p99_ms=limit_of(own, "GATE_P99_MS"),
            proof_hours=limit_of(own, "GATE_PROOF_HOURS"),
            stragglers=limit_of(own, "GATE_STRAGGLERS"),
            breach_comparisons=limit_of(own, "BREACH_COMPARISONS"),
            breach_devices=limit_of(own, "BREACH_DEVICES"),
            breach_mismatches=limit_of(own, "BREACH_MISMATCHES"),
            breach_errors=limit_of(own, "BREACH_ERRORS"),
            breach_p99_ms=limit_of(own, "BREACH_P99_MS"),
        )


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate: what it looks at, the figure (None: nothing is known) against its limit, and why it holds or not."""

    name: str
    figure: float | None
    limit: float
    passed: bool
    reason: str


def gates_of(*, stage: Stage, figures: Figures, limits: Limits) -> list[Gate]:
    """Return the gates of `stage`. What is not known does not hold."""
    return [_GATES[measure](figures, limits) for measure in ASKED[stage]]


def failing(gates: Sequence[Gate]) -> list[Gate]:
    """Return the gates that do not hold."""
    return [gate for gate in gates if not gate.passed]


def in_words(closed: Sequence[Gate]) -> str:
    """Say why gates do not hold."""
    return "Gates do not hold: " + " ".join(f"{gate.name}: {gate.reason}" for gate in closed)


def breach_of(*, window: Comparisons, limits: Limits) -> str | None:
    """Say what in a window of enough comparisons is so bad that reads go back at once; None: nothing.

    What one device found is no breach where several compare: any browser can claim anything.
    """
    if window.asked < limits.breach_comparisons:
        return None
    enough = min(limits.breach_devices, window.devices)
    spread = window.devices_amiss >= enough
    found = [
        (spread, "differ", window.mismatch_rate, limits.breach_mismatches),
        (spread, "were not answered", window.error_rate, limits.breach_errors),
    ]
    for counts, what, rate, limit in found:
        if counts and rate is not None and rate > limit / WHOLE:
            told = f"{_percent(rate)} of {window.asked:,} comparisons {what}"
            return f"{told}, seen by at least {window.devices_amiss} devices; {_percent(limit / WHOLE)} is the most."
    if window.p99_ms is not None and window.p99_ms > limits.breach_p99_ms:
        return (
            f"One answer in a hundred takes {window.p99_ms:,.0f} ms or more; {limits.breach_p99_ms:,} ms is the most."
        )
    return None


# --- one gate each ----------------------------------------------------------------------------------------------


def _receipts(figures: Figures, limits: Limits) -> Gate:
    limit = limits.receipts / WHOLE
    if not figures.devices:
        return Gate(Measure.RECEIPTS, None, limit, False, "No device was seen lately.")
    share = figures.receipts / figures.devices
    told = f"{figures.receipts:,} of {figures.devices:,} devices have a receipt ({_percent(share)})"
    return Gate(Measure.RECEIPTS, share, limit, share >= limit, f"{told}; {_percent(limit)} are needed.")


def _stragglers(figures: Figures, limits: Limits) -> Gate:
    left, limit = figures.stragglers, limits.stragglers
    reason = f"{left:,} of {figures.devices:,} devices have no receipt; {limit:,} may."
    return Gate(Measure.STRAGGLERS, left, limit, left <= limit, reason)


def _outbox(figures: Figures, limits: Limits) -> Gate:
    limit = limits.outbox_seconds
    if figures.outbox_p99 is None:
        return Gate(Measure.OUTBOX, None, limit, False, "No device told how its outbox is.")
    told = f"99 % of {figures.outboxes:,} outboxes hold nothing older than {figures.outbox_p99:,.1f} s"
    passed = figures.outbox_p99 <= limit
    return Gate(Measure.OUTBOX, figures.outbox_p99, limit, passed, f"{told}; {limit:,} s is the most.")


def _diff(figures: Figures, limits: Limits) -> Gate:
    limit = limits.diff / WHOLE
    if not figures.receipts:
        return Gate(Measure.DIFF, None, limit, False, "No device has a receipt, so nothing is known to be stored.")
    share = figures.apart / figures.receipts
    told = f"{figures.apart:,} conflicts and quarantined entries are open, {share:.3g} for each device with a receipt"
    return Gate(Measure.DIFF, share, limit, share <= limit, f"{told}; {limit:g} is the most.")


def _samples(figures: Figures, limits: Limits) -> Gate:
    compared, limit = figures.comparisons.compared, limits.comparisons
    told = f"{compared:,} keys were compared by at least {figures.comparisons.devices} devices"
    return Gate(Measure.SAMPLES, compared, limit, compared >= limit, f"{told}; {limit:,} are needed.")


def _mismatches(figures: Figures, limits: Limits) -> Gate:
    rate, compared = figures.comparisons.mismatch_rate, figures.comparisons.compared
    return _share(Measure.MISMATCHES, rate, limits.mismatches, f"of {compared:,} comparisons differ")


def _errors(figures: Figures, limits: Limits) -> Gate:
    rate, asked = figures.comparisons.error_rate, figures.comparisons.asked
    return _share(Measure.ERRORS, rate, limits.errors, f"of {asked:,} questions were not answered")


def _share(name: Measure, rate: float | None, most: int, what: str) -> Gate:
    limit = most / WHOLE
    if rate is None:
        return Gate(name, None, limit, False, "Nothing was compared yet.")
    return Gate(name, rate, limit, rate <= limit, f"{_percent(rate)} {what}; {_percent(limit)} is the most.")


def _latency(figures: Figures, limits: Limits) -> Gate:
    p99, limit = figures.comparisons.p99_ms, limits.p99_ms
    if p99 is None:
        return Gate(Measure.LATENCY, None, limit, False, "No answer was timed yet.")
    reason = f"99 % of the server's answers take {p99:,.0f} ms at most; {limit:,} ms is the most."
    return Gate(Measure.LATENCY, p99, limit, p99 <= limit, reason)


def _rollback(figures: Figures, limits: Limits) -> Gate:
    limit = limits.proof_hours
    if figures.proof_age is None:
        return Gate(Measure.ROLLBACK, None, limit, False, "That rollback works was not proved yet.")
    hours = figures.proof_age / 3_600
    if not figures.proof_holds:
        return Gate(Measure.ROLLBACK, hours, limit, False, "The last rehearsal of a rollback failed.")
    reason = f"A rollback was rehearsed {hours:.1f} h ago and brought everything back; {limit:,} h is the longest."
    return Gate(Measure.ROLLBACK, hours, limit, hours <= limit, reason)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


_GATES = {
    Measure.RECEIPTS: _receipts,
    Measure.OUTBOX: _outbox,
    Measure.DIFF: _diff,
    Measure.SAMPLES: _samples,
    Measure.MISMATCHES: _mismatches,
    Measure.ERRORS: _errors,
    Measure.LATENCY: _latency,
    Measure.ROLLBACK: _rollback,
    Measure.STRAGGLERS: _stragglers,
}
