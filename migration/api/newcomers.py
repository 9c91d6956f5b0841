"""Rows for owners and devices on first sight, unless they were erased and have not chosen to start anew."""

import uuid
from datetime import datetime
from typing import Any

from django.db import transaction

from migration import custody
from migration.asking import ask
from migration.lifecycle import audit
from migration.values.questions import Statement

# Tombstones are looked at here and nowhere else: whoever is known already pays nothing for them.
_NEW_OWNER = Statement("""
INSERT INTO migration_owner (id, app_id, kind, subject, revision, epoch, created_at, last_seen_at)
SELECT %(id)s::uuid, %(app)s::uuid, %(kind)s::text, %(subject)s::text, 0, %(epoch)s::bigint,
       %(at)s::timestamptz, %(at)s::timestamptz
WHERE NOT EXISTS (SELECT FROM migration_tombstone WHERE app_id = %(app)s AND mark = %(mark)s)
ON CONFLICT (app_id, kind, subject) DO NOTHING RETURNING id, epoch, last_seen_at, switched_off
""")
_NEW_DEVICE = Statement("""
INSERT INTO migration_device (id, owner_id, key, fence, user_agent, created_at, last_seen_at)
SELECT %(id)s::uuid, %(owner)s::uuid, %(key)s::uuid, 0, %(agent)s::text, %(at)s::timestamptz, %(at)s::timestamptz
WHERE NOT EXISTS (SELECT FROM migration_tombstone WHERE app_id = %(app)s AND mark = %(mark)s)
ON CONFLICT (owner_id, key) DO NOTHING RETURNING id
""")


def make_owner(
    *, app_id: uuid.UUID, kind: str, subject: str, at: datetime, anew: bool
) -> tuple[uuid.UUID, int, datetime, bool] | None:
    """Make an owner and return (id, epoch, last seen, off); None when another request has, or the owner was erased.

    `anew` takes the tombstone away first. Who starts anew begins above the last epoch of before, so that whatever
    still writes under it is refused.
    """
    mark, owner_id = custody.owner_mark(app_id=app_id, kind=kind, subject=subject), uuid.uuid4()
    given = {"id": owner_id, "app": app_id, "kind": kind, "subject": subject, "at": at, "mark": mark}
    if not anew:
        made: tuple[uuid.UUID, int, datetime, bool] | None = _first(_NEW_OWNER, {**given, "epoch": 1})
        return made
    with transaction.atomic():
        last = custody.lift(app_id=app_id, mark=mark)
        made = _first(_NEW_OWNER, {**given, "epoch": (last or 0) + 1})
        if last is not None:
            who = f"{kind}:{owner_id}"
            audit(actor=who, action="owner_anew", target=owner_id, at=at, app_id=app_id, owner_id=owner_id)
    return made


def make_device(
    *, app_id: uuid.UUID, owner_id: uuid.UUID, key: uuid.UUID, user_agent: str, mark: bytes, at: datetime, anew: bool
) -> tuple[uuid.UUID] | None:
    """Make a device of the owner whose mark is `mark` and return its id in a row; None as above."""
    of_device = custody.device_mark(mark, key)
    if anew:
        custody.lift(app_id=app_id, mark=of_device)
    agent = user_agent[:255].replace("\x00", "")
    given = {"id": uuid.uuid4(), "app": app_id, "owner": owner_id, "key": key, "agent": agent, "at": at}
    made: tuple[uuid.UUID] | None = _first(_NEW_DEVICE, {**given, "mark": of_device})
    return made


def _first(statement: Statement, given: dict[str, Any]) -> Any:
    return next(iter(ask(statement.of(given))), None)
