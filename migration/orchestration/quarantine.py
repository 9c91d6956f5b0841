"""Refused entries as operators see them: alike by their cause, given up, taken back, handed out."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from migration.lifecycle import audit, move_entries
from migration.models import QuarantineEntry
from migration.states import QuarantineState

_READ_AT_ONCE = 20
"""Entries held in memory while they are handed out: one may have megabytes."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What entries that are alike have in common."""

    app_id: UUID
    code: str
    collection: str
    path: str

    @classmethod
    def of(cls, entry: QuarantineEntry) -> "Cause":
        """Return the cause an entry was refused for."""
        return cls(entry.app_id, entry.code, entry.collection, entry.path)

    def entries(self) -> QuerySet[QuarantineEntry]:
        """Return all entries of this cause, whatever their state."""
        return QuarantineEntry.objects.filter(
            app_id=self.app_id, code=self.code, collection=self.collection, path=self.path
        )

    def told(self) -> dict[str, Any]:
        """Return the cause as an audit line has it. The path is left out: it names members, which users choose."""
        return {"code": self.code, "collection": self.collection}


def discard(entries: QuerySet[QuarantineEntry], *, app_id: UUID, actor: str, at: datetime) -> int:
    """Give up the open ones among `entries` of one app; return how many. They are kept and can be taken back."""
    return _move(entries, QuarantineState.DISCARDED, "quarantine_discarded", app_id=app_id, actor=actor, at=at)


def reopen(entries: QuerySet[QuarantineEntry], *, app_id: UUID, actor: str, at: datetime) -> int:
    """Take discarded ones among `entries` of one app back; return how many."""
    return _move(entries, QuarantineState.OPEN, "quarantine_reopened", app_id=app_id, actor=actor, at=at)


def export(entries: QuerySet[QuarantineEntry], *, app_id: UUID, actor: str, at: datetime) -> Iterator[bytes]:
    """Write the audit line, then yield `entries` of one app as NDJSON, each with its canonical line verbatim.

    A canonical line is UTF-8 whatever the entry holds, so it travels as a JSON string of its own text.
    """
    mine = entries.filter(app_id=app_id).order_by("id")
    audit(
        actor=actor,
        action="quarantine_exported",
        target=f"app {app_id}",
        at=at,
        app_id=app_id,
        data={"entries": mine.count()},
    )
    return (_exported(entry) for entry in mine.iterator(chunk_size=_READ_AT_ONCE))


def _move(
    entries: QuerySet[QuarantineEntry], to: QuarantineState, action: str, *, app_id: UUID, actor: str, at: datetime
) -> int:
    with transaction.atomic():
        moved = move_entries(entries.filter(app_id=app_id), to)
        audit(actor=actor, action=action, target=f"app {app_id}", at=at, app_id=app_id, data={"entries": moved})
    return moved


def _exported(entry: QuarantineEntry) -> bytes:
    told = {
        "id": entry.id,
        "run": str(entry.run_id),
        "owner": str(entry.owner_id),
        "chunk": entry.chunk_id,
        "ordinal": entry.ordinal,
        "seq": entry.seq,
        "collection": entry.collection,
        "code": entry.code,
        "detail": entry.detail,
        "path": entry.path,
        "state": entry.state,
        "edited": entry.edited,
        "created_at": entry.created_at.isoformat(),
        "line": bytes(entry.line).decode(),
    }
    return json.dumps(told, ensure_ascii=False).encode() + b"\n"
