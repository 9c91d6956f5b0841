"""What an operator should look at first, worst first. Pure."""

from dataclasses import dataclass
from datetime import timedelta

from migration.reports.fleet import Fleet

SILENT = timedelta(minutes=3)
"""After so long without a fold the sweeper is taken for dead."""
WAITS_LONG = timedelta(minutes=1)
UNVERIFIED_LONG = timedelta(days=7)


@dataclass(frozen=True)
class Concern:
    """One thing to look at. `about` names the list it leads to; `grave` ones stop users."""

    what: str
    about: str
    grave: bool = False


def concerns(fleet: Fleet) -> list[Concern]:
    """Return what needs attention in this picture; empty when nothing does."""
    found = [*_machinery(fleet), *_data(fleet)]
    return sorted(found, key=lambda concern: not concern.grave)


def _machinery(fleet: Fleet) -> list[Concern]:
    found = []
    if not fleet.workers:
        found.append(Concern("No worker is connected: what is uploaded stays safe, but is not loaded.", "queue", True))
    if fleet.folded_at is None or fleet.at - fleet.folded_at > SILENT:
        found.append(Concern("The sweeper is silent: lost bells are not rung again, figures below are old.", "", True))
    if fleet.waiting_since is not None and fleet.at - fleet.waiting_since > WAITS_LONG:
        minutes = int((fleet.at - fleet.waiting_since).total_seconds() // 60)
        found.append(Concern(f"Chunks wait for {minutes} min to be loaded.", "queue", True))
    return found


def _data(fleet: Fleet) -> list[Concern]:
    found = []
    if failed := fleet.stands("runs", "failed"):
        found.append(Concern(f"{_many(failed, 'run')} failed; each can be resumed where it stopped.", "failed", True))
    if refused := fleet.stands("quarantine", "open"):
        found.append(Concern(f"{_many(refused, 'entry', 'entries')} in quarantine.", "quarantine"))
    if disputed := fleet.stands("conflicts", "open"):
        found.append(Concern(f"{_many(disputed, 'conflict')} nobody has decided.", "conflicts"))
    oldest = fleet.oldest_unverified
    if oldest is not None and fleet.at - oldest > UNVERIFIED_LONG:
        found.append(Concern(f"A backup was never verified since {oldest:%Y-%m-%d}.", "backups"))
    return found


def _many(count: int, one: str, several: str = "") -> str:
    return f"{count:,} {one if count == 1 else several or one + 's'}".replace(",", "\u202f")
