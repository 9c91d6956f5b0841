"""The proof that rollback works: it is done, for real, on an owner that never comes to be.

In one transaction that is not committed, entries are written, overwritten, deleted and added through the loading room,
and taken back and forth through the rollback room; each time what is held is compared byte by byte. It touches no row
of anybody and waits for no lock of anybody.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction

from migration.loading import Part, RunTerms, merge, stage
from migration.mapping import DataMapper, all_in
from migration.models import Owner
from migration.rollback import Revert, RollbackService
from migration.values.lines import decode_lines, encode_line

REMEMBERED = timedelta(minutes=1)
"""How long the outcome for an app is taken for true."""

# Form verbatim, JSON, and what only a literal holds.
_FIRST = {"rehearsal:kept": "as it is", "rehearsal:edited": '{"a":1}', "rehearsal:removed": "\ud800\x00"}
_SECOND = {"rehearsal:edited": '{"a":2}', "rehearsal:removed": None, "rehearsal:added": "new"}
_NAMESPACE = "rehearsal"
_HELD = """
SELECT key_hash, key_json, collection, form, queryable, fingerprint, migration_fingerprint(key_json, form, value),
       value::text
FROM migration_record WHERE owner_id = %s AND value IS NOT NULL ORDER BY key_hash
"""

Held = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a rehearsal came to, in words, and how long it took."""

    passed: bool
    detail: str
    milliseconds: float
    at: datetime


def rehearse(*, app_id: UUID, at: datetime) -> Rehearsal:
    """Rehearse a rollback and say whether everything came back. Nothing of it is committed."""
    began = perf_counter()
    try:
        with transaction.atomic():
            failing = _play(app_id, at=at)
            transaction.set_rollback(True)
    except Exception as error:  # noqa: BLE001 - whatever a broken room raises is the finding
        failing = f"Rolling back raised {type(error).__name__}."
    detail = failing or "Entries that were edited, deleted and added were rolled back and forth, byte by byte."
    return Rehearsal(not failing, detail, round(1000 * (perf_counter() - began), 1), at)


def _play(app_id: UUID, *, at: datetime) -> str:
    """Write, preview, go back by run and by point, and forth again; return what went wrong, or nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL jit = off")
    owner = Owner.objects.create(app_id=app_id, kind=Owner.Kind.GUEST, subject=f"rehearsal:{uuid4()}")
    device, run = uuid4(), uuid4()
    _write(owner, _FIRST, device=device, run=uuid4(), seq=1, at=at)
    before, point = _held(owner), Revert(owner.id, "owner", len(_FIRST))
    _write(owner, _SECOND, device=device, run=run, seq=2, at=at)
    after = _held(owner)
    if len(before) != len(_FIRST) or len(after) != len(_FIRST) or after == before:
        return "What was written is not what is held."
    if RollbackService.preview(point, at=at).reverted != len(_SECOND) or _held(owner) != after:
        return "A preview said something else than was to be expected, or changed something."
    with transaction.atomic():
        RollbackService.revert(Revert(owner.id, "run", len(_FIRST), run_id=run), at=at)
        by_run = _held(owner)
        transaction.set_rollback(True)
    outcome = RollbackService.revert(point, at=at)
    if by_run != before or _held(owner) != before:
        return "After a rollback something else was held than before."
    RollbackService.revert(Revert(owner.id, "owner", outcome.from_revision), at=at)
    return "" if _held(owner) == after else "Undoing a rollback did not bring everything back."


def _write(owner: Owner, entries: Mapping[str, str | None], *, device: UUID, run: UUID, seq: int, at: datetime) -> None:
    """Write entries as a batch does, all but the claim: there is no chunk."""
    lines = decode_lines(b"".join(encode_line(key, value) + b"\n" for key, value in entries.items()))
    terms = RunTerms(run, device, _NAMESPACE, "", "AUTO_MERGE", {}, writes=True)
    part = Part.unclaimed(terms, owner_id=owner.id, app_id=owner.app_id, place=-seq, seq=seq)
    part.rows = DataMapper(label_all=all_in(_NAMESPACE)).rows(lines)
    stage([part])
    merge([part], revisions={owner.id: _revision(owner)}, at=at)


def _revision(owner: Owner) -> int:
    return Owner.objects.values_list("revision", flat=True).get(id=owner.id)


def _held(owner: Owner) -> Held:
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [owner.id])
        return [tuple(bytes(one) if isinstance(one, memoryview) else one for one in row) for row in cursor.fetchall()]


class Rehearsals:
    """The newest rehearsal of each app, rehearsed anew when it is older than a minute; one at a time."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = threading.Lock()
        self._newest: dict[UUID, Rehearsal] = {}

    def forget(self) -> None:
        """Rehearse anew for whoever asks next."""
        self._newest.clear()

    def of(self, *, app_id: UUID, at: datetime) -> Rehearsal:
        """Return an app's rehearsal of the last minute, or a new one."""
        with self._lock:
            self._newest = {app: one for app, one in self._newest.items() if abs(at - one.at) < REMEMBERED}
            if app_id not in self._newest:
                self._newest[app_id] = rehearse(app_id=app_id, at=at)
            return self._newest[app_id]


rehearsals = Rehearsals()
"""Of this process."""
