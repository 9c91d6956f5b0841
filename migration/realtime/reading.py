"""What the sockets read from Postgres, each in one short call."""

from dataclasses import dataclass
from uuid import UUID

import msgspec
from django.utils import timezone

from migration.events import Message
from migration.lifecycle import Ticket, consume_ticket
from migration.models import App, MigrationRun, Owner
from migration.progress import snapshots_of
from migration.realtime.pacing import Event
from migration.walls import scoped

NEWEST_RUNS = 50


@dataclass(frozen=True, slots=True)
class OwnerView:
    """An owner's epoch, revision and newest runs; each run as an event that has not been named yet."""

    epoch: str
    revision: int
    runs: dict[str, Event]


def use_ticket(ticket: str) -> Ticket | None:
    """Use a ticket up and return what it permits."""
    return consume_ticket(ticket, at=timezone.now())


def owns(permit: Ticket, run_id: UUID) -> bool:
    """Tell whether the run is the ticket's owner's."""
    with scoped(app_id=permit.app_id, owner_id=permit.owner_id):
        return MigrationRun.objects.filter(id=run_id, owner_id=permit.owner_id).exists()


def read_run(permit: Ticket, run_id: UUID) -> Event | None:
    """Return a run of the ticket's owner as it stands; None when it is gone."""
    with scoped(app_id=permit.app_id, owner_id=permit.owner_id):
        found = _events([run_id])
    return found[0] if found else None


def read_app_epochs(app_ids: list[UUID]) -> dict[UUID, int]:
    """Return the epochs these apps stand at."""
    return dict(App.objects.filter(id__in=app_ids).values_list("id", "epoch"))


def read_owner(permit: Ticket) -> OwnerView | None:
    """Return the ticket's owner as it stands; None when it is gone."""
    with scoped(app_id=permit.app_id, owner_id=permit.owner_id):
        return _owner_view(permit.owner_id)


def _owner_view(owner_id: UUID) -> OwnerView | None:
    standing = Owner.objects.filter(id=owner_id).values_list("app__epoch", "epoch", "revision").first()
    if standing is None:
        return None
    newest = MigrationRun.objects.filter(owner_id=owner_id).order_by("-created_at").values_list("id", flat=True)
    ids = list(newest[:NEWEST_RUNS])
    return OwnerView(f"{standing[0]}.{standing[1]}", standing[2], dict(zip(map(str, ids), _events(ids), strict=False)))


def _events(run_ids: list[UUID]) -> list[Event]:
    read = {run.id: (run, shown) for run, shown in snapshots_of(run_ids)}
    return [
        Event(Message.PROGRESS, run.number, run.state, msgspec.json.encode(shown).decode())
        for run, shown in (read[run_id] for run_id in run_ids if run_id in read)
    ]
