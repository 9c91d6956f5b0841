"""Tickets for sockets: a bearer token buys one, it lives half a minute, and opening a socket uses it up."""

import hashlib
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from migration.config import setting
from migration.errors import NotFound
from migration.models import MigrationRun, SocketTicket


def issue_ticket(*, owner_id: UUID, run_id: UUID | None, at: datetime) -> str:
    """Return a one-time ticket for a run's socket, or the owner's. Raises NotFound for a foreign run."""
    if run_id is not None and not MigrationRun.objects.filter(id=run_id, owner_id=owner_id).exists():
        raise NotFound("There is no such run.")
    ticket = secrets.token_urlsafe(32)
    SocketTicket.objects.create(
        hash=hashlib.sha256(ticket.encode()).digest(),
        owner_id=owner_id,
        run_id=run_id,
        expires_at=at + timedelta(seconds=setting("TICKET_SECONDS")),
    )
    return ticket
