"""What a row of the faults we hold against says."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One row: what happens, what shows that it does no harm, and where that cannot be shown here, why."""

    what: str
    shown: tuple[str, ...] = ()
    """All tests that show it, long ones among them."""
    long: tuple[str, ...] = ()
    """Those of them whose long form runs in `make soak` only."""
    why_not: str = ""


def row(what: str, *shown: str, long: tuple[str, ...] = ()) -> Fault:
    """Return a row with its tests; what is only in `long` is shown too."""
    return Fault(what, (*shown, *(one for one in long if one not in shown)), long)
