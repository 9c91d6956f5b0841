"""Socket tickets: issued to whoever holds a token, used once, within seconds.

A page cannot send an Authorization header with a socket, and a token in an address ends in logs; so it trades its
token for a random ticket. Only the ticket's SHA-256 is kept, and using it is deleting the row: of fifty
connections that show one ticket at once, exactly one gets the row back.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from migration.config import setting
from migration.errors import NotFound
from migration.models import MigrationRun, SocketTicket

# Some of what expired unused goes with each new ticket, so the table stays as small as half a minute's tickets.
_SWEEP = """
DELETE FROM migration_socketticket WHERE hash IN (
    SELECT hash FROM migration_socketticket WHERE expires_at < %s LIMIT 20 FOR UPDATE SKIP LOCKED)
"""
_USE = """
WITH used AS (DELETE FROM migration_socketticket WHERE hash = %s RETURNING owner_id, run_id, staff, expires_at)
SELECT app.id, used.owner_id, used.run_id, used.staff, app.allowed_origins
FROM used JOIN migration_owner owner ON owner.id = used.owner_id JOIN migration_app app ON app.id = owner.app_id
WHERE used.expires_at > %s AND app.is_active
"""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a used ticket permits: `run_id` only, or (None) everything of the owner, to pages of these origins."""

    app_id: UUID
    owner_id: UUID
    run_id: UUID | None
    staff: bool
    allowed_origins: tuple[str, ...]


def issue_ticket(*, owner_id: UUID, run_id: UUID | None, at: datetime, staff: bool = False) -> str:
    """Make a ticket for the owner's sockets, or for those of one of the owner's runs, and return it.

    Raises NotFound when the run is not the owner's. `staff` is for the admin's own pages, whose origin is the
    server's and not the app's.
    """
    if run_id is not None and not MigrationRun.objects.filter(id=run_id, owner_id=owner_id).exists():
        raise NotFound("There is no such run.")
    with connection.cursor() as cursor:
        cursor.execute(_SWEEP, [at])
    ticket = secrets.token_urlsafe(32)
    SocketTicket.objects.create(
        hash=_hash(ticket),
        owner_id=owner_id,
        run_id=run_id,
        staff=staff,
        expires_at=at + timedelta(seconds=setting("TICKET_SECONDS")),
    )
    return ticket


def consume_ticket(ticket: str, *, at: datetime) -> Ticket | None:
    """Use a ticket up and return what it permits; None when it is unknown, used, expired or its app is off."""
    with connection.cursor() as cursor:
        cursor.execute(_USE, [_hash(ticket), at])
        row = cursor.fetchone()
    if row is None:
        return None
    app_id, owner_id, run_id, staff, origins = row
    return Ticket(app_id, owner_id, run_id, staff, tuple(origins))


def _hash(ticket: str) -> bytes:
    return hashlib.sha256(ticket.encode()).digest()
