"""From the stage that is requested to the one that holds for an owner's device, and why they differ. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from migration.cutover.buckets import is_within
from migration.states.stage import Stage

ROAD = tuple(Stage)
"""All stages, in the order they are gone through."""

READS_SERVER = frozenset({Stage.RAMP, Stage.SERVER_PRIMARY, Stage.COMPLETE})
"""Effective stages in which the server's copy answers."""


class Why(StrEnum):
    """Reasons of an effective stage."""

    AS_REQUESTED = "as_requested"
    OWNER_OFF = "owner_off"
    PANIC = "panic"
    NO_RECEIPT = "no_receipt"
    OUTSIDE_PERCENTAGE = "outside_percentage"


@dataclass(frozen=True, slots=True)
class Effective:
    """The stage that holds, and why it is not the one requested (or that it is)."""

    stage: Stage
    reason: Why

    @property
    def reads_from(self) -> str:
        """Name the side that answers reads."""
        return "server" if self.stage in READS_SERVER else "browser"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known of one owner and one of its devices when a stage is asked about."""

    bucket: int
    has_receipt: bool
    owner_off: bool = False
    panic: bool = False


def effective(*, requested: Stage, percentage: int, of: Circumstances) -> Effective:
    """Return the stage that holds where `requested` is asked for at `percentage` basis points of the owners.

    An owner that is off stays off. In a panic, and without a receipt of its own, a device goes on writing to both
    sides and reads its browser. An owner beyond the percentage is compared but not served.
    """
    if of.owner_off:
        return Effective(Stage.OFF, Why.OWNER_OFF if requested != Stage.OFF else Why.AS_REQUESTED)
    if ROAD.index(requested) <= ROAD.index(Stage.DUAL_WRITE):
        return Effective(requested, Why.AS_REQUESTED)
    if of.panic:
        return Effective(Stage.DUAL_WRITE, Why.PANIC)
    if not of.has_receipt:
        return Effective(Stage.DUAL_WRITE, Why.NO_RECEIPT)
    if requested == Stage.RAMP and not is_within(of.bucket, percentage):
        return Effective(Stage.SHADOW, Why.OUTSIDE_PERCENTAGE)
    return Effective(requested, Why.AS_REQUESTED)


def server_decides(*, requested: Stage, held: Effective) -> bool:
    """Tell whether a tie of AUTO_MERGE goes to the server: where it answers reads, and for stragglers of `complete`."""
    return held.stage in READS_SERVER or requested == Stage.COMPLETE
