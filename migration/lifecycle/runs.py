"""Moves of a run and of its upload, and the timeline they leave."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from migration.asking import Rows, ask
from migration.errors import IllegalMove, NotFound
from migration.events import Happening
from migration.lifecycle.together import together
from migration.models import MigrationRun
from migration.states import RUN, UPLOAD, Machine, RunState, UploadState
from migration.values.questions import Question, Statement

_NOTE = """
WITH numbered AS (UPDATE migration_migrationrun SET number = number + 1, updated_at = %s WHERE id = %s
                  RETURNING number, owner_id)
INSERT INTO migration_runevent (run_id, owner_id, number, kind, data, at)
SELECT %s, numbered.owner_id, numbered.number, %s, %s::jsonb, %s FROM numbered RETURNING number
"""
_START = Statement("""
WITH started AS (
    UPDATE migration_migrationrun SET state = 'transferring', upload_state = %(upload)s::text,
           sealed_at = %(sealed_at)s::timestamptz, number = number + 1, updated_at = %(at)s::timestamptz
    WHERE id = %(run)s::uuid AND state = 'planned' AND upload_state = 'open' RETURNING id, owner_id, number
)
INSERT INTO migration_runevent (run_id, owner_id, number, kind, data, at)
SELECT id, owner_id, number, 'state', '{"from": "planned", "to": "transferring", "why": "first chunk or seal"}',
       %(at)s::timestamptz FROM started RETURNING true
""")
_ENDS = {RunState.COMPLETED, RunState.FAILED, RunState.EXPIRED, RunState.CANCELLED, RunState.ROLLED_BACK}


def move_run(
    run_id: UUID, to: RunState, *, why: str, at: datetime, data: dict[str, Any] | None = None, **columns: Any
) -> RunState:
    """Move a run along its table and write `columns` with it; return the state it left.

    Raises IllegalMove (with `state`) when the table has no such move from where the run stands, NotFound when
    there is no such run; nothing has changed then. Runs inside the caller's transaction, or one of its own.
    """
    if to in _ENDS:
        columns.setdefault("finished_at", at)
    with together():
        source = _guarded_update(RUN, "state", run_id, to, columns)
        note(run_id, Happening.STATE, {"from": source, "to": str(to), "why": why, **(data or {})}, at=at)
    return RunState(source)


def start_run(run_id: UUID, *, seal: bool = False, at: datetime) -> None:
    """Start a run that is planned, and seal its upload if all of it came along. Raises IllegalMove.

    The run's row is locked by the caller, or new.
    """
    refuse_unstarted(ask(starting(run_id, seal=seal, at=at)))


def starting(run_id: UUID, *, seal: bool = False, at: datetime) -> Question:
    """Return the question that starts a run; `refuse_unstarted` reads the answer."""
    upload = UploadState.SEALED if seal else UploadState.OPEN
    return _START.of({"upload": str(upload), "sealed_at": at if seal else None, "at": at, "run": run_id})


def refuse_unstarted(rows: Rows) -> None:
    """Raise IllegalMove where `starting` has moved nothing."""
    if not rows:
        raise IllegalMove("Only a run that is planned can be started.")


def move_upload(run_id: UUID, to: str, **columns: Any) -> None:
    """Move a run's upload along its table. Raises IllegalMove or NotFound, changing nothing."""
    with together():
        _guarded_update(UPLOAD, "upload_state", run_id, to, columns)


def _guarded_update(machine: Machine, column: str, run_id: UUID, to: str, columns: dict[str, Any]) -> str:
    """Lock the run, ask the table, write. The lock makes the answer hold until the caller commits."""
    locked = MigrationRun.objects.select_for_update(no_key=True).filter(id=run_id)
    source = locked.values_list(column, flat=True).first()
    if source is None:
        raise NotFound("There is no such run.")
    if not machine.allows(source, to):
        raise IllegalMove(f"A {machine.name} cannot go from {source} to {to}.", state=source)
    MigrationRun.objects.filter(id=run_id).update(**{column: to}, **columns)
    return str(source)


def wish(run_id: UUID, *, at: datetime, actor: str, **wishes: bool) -> None:
    """Write wishes (`pause_wished`, `cancel_wished`); work answers them between batches."""
    with together():
        MigrationRun.objects.filter(id=run_id).update(**wishes)
        note(run_id, Happening.WISH, {**wishes, "actor": actor}, at=at)


def note(run_id: UUID, kind: Happening, data: dict[str, Any], *, at: datetime) -> int:
    """Write one timeline line under the run's next event number and return that number."""
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [at, run_id, run_id, str(kind), json.dumps(data), at])
        row = cursor.fetchone()
    return int(row[0]) if row else 0
