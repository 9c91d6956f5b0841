"""Refused entries as operators see them: alike by their cause, given up, taken back, handed out."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import BinaryField, Func, IntegerField, QuerySet
from django.db.models.functions import Left, Length

from migration.errors import LineForm
from migration.lifecycle import audit, move_entries
from migration.models import QuarantineEntry
from migration.models.records import PATH_PREFIX
from migration.states import QuarantineState
from migration.values.lines import key_literal_of

_KEY_BYTES = 4_096
"""Bytes of a line read to find its key."""
_PAGE = 500
"""Entries looked up at once while they are handed out."""
_SHORT = 16_384
"""Lines up to this size, bytes, are read a page at a time; longer ones each by itself, for one may have megabytes."""
_CODES = 20
"""Codes an audit line names at most."""


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
        return QuarantineEntry.objects.alias(prefix=Left("path", PATH_PREFIX)).filter(
            app_id=self.app_id,
            code=self.code,
            collection=self.collection,
            prefix=self.path[:PATH_PREFIX],
            path=self.path,
        )

    def counted(self, state: QuarantineState, *, most: int) -> int:
        """Return how many entries of this cause are in a state, counting to `most` at most."""
        return self.entries().filter(state=state).order_by()[:most].count()


def listed(*, owner_id: UUID, before: int, most: int) -> list[QuarantineEntry]:
    """Return an owner's entries, newest first, of lower ids than `before`, each with `beginning` and `line_bytes`.

    Their lines are not read: five hundred of them may be gigabytes.
    """
    entries = QuarantineEntry.objects.filter(owner_id=owner_id, id__lt=before).defer("line")
    shown = entries.annotate(
        beginning=Func("line", 1, _KEY_BYTES, function="substring", output_field=BinaryField()),
        line_bytes=Func("line", function="octet_length", output_field=IntegerField()),
    )
    return list(shown.order_by("-id")[:most])


def key_json_of(entry: QuarantineEntry) -> str:
    """Return the key's JSON literal of a listed entry; only a very long key makes its line be read."""
    beginning = bytes(entry.beginning)  # type: ignore[attr-defined] # annotated by `listed`
    if len(beginning) < _KEY_BYTES or b'","' in beginning:
        with suppress(LineForm):  # the key may go on beyond what was read
            return key_literal_of(beginning).decode()
    return key_literal_of(bytes(entry.line)).decode()


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
    return _handed_out(mine)


def _handed_out(entries: QuerySet[QuarantineEntry]) -> Iterator[bytes]:
    """Yield entries in the order of their ids, short lines a page at a time, long ones each by itself."""
    size, last = Length("line", output_field=IntegerField()), 0
    while page := list(entries.filter(id__gt=last).annotate(size=size).values_list("id", "size")[:_PAGE]):
        short = entries.in_bulk([entry_id for entry_id, size in page if size <= _SHORT])
        for entry_id, _ in page:
            entry = short.get(entry_id) or entries.filter(id=entry_id).first()
            if entry is not None:
                yield _exported(entry)
        last = page[-1][0]


def _move(
    entries: QuerySet[QuarantineEntry], to: QuarantineState, action: str, *, app_id: UUID, actor: str, at: datetime
) -> int:
    mine = entries.filter(app_id=app_id)
    with transaction.atomic():
        codes = list(mine.order_by("code").values_list("code", flat=True).distinct()[:_CODES])
        moved = move_entries(mine, to)
        data = {"entries": moved, "codes": codes}
        audit(actor=actor, action=action, target=f"app {app_id}", at=at, app_id=app_id, data=data)
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
