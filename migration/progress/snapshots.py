"""The run as the outside sees it: RunSnapshot, whole, of one instant."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models.fields.json import KT
from django.utils import timezone

from migration.errors import NotFound
from migration.models import MigrationRun
from migration.progress.pace import DONE, STANDING, Pace, pace_of
from migration.states import RUN, RunState
from migration.values.questions import Question, Statement

ENDED = (RunState.COMPLETED, RunState.FAILED, RunState.EXPIRED, RunState.CANCELLED, RunState.ROLLED_BACK)
_MOVING = (RunState.PLANNED, RunState.TRANSFERRING, RunState.VERIFYING)
# Large columns a snapshot does not show; the one number it needs of the manifest is taken out by the server.
_UNSEEN = ("manifest", "types", "options", "request_digest", "manifest_digest")
_SEEN = [field.attname for field in MigrationRun._meta.concrete_fields if field.attname not in _UNSEEN]  # noqa: SLF001
_SHOW = Statement(
    f"SELECT {', '.join(_SEEN)}, manifest #>> '{{withheld,count}}' FROM migration_migrationrun WHERE id = %(run)s::uuid"
)


def snapshot(run: MigrationRun, *, at: datetime | None = None) -> dict[str, Any]:
    """Return the RunSnapshot of a run as its row stands (read it after the update: a trigger keeps part of it).

    `at` is the moment the pace is told for, by default now.
    """
    pace = _pace(run, at or timezone.now())
    return {
        "id": str(run.id),
        "state": run.state,
        "purpose": run.purpose,
        "dry_run": run.dry_run,
        "sealed": run.upload_state in {"sealed", "consumed"},
        "paused": run.pause_wished,
        "cancelling": run.cancel_wished and run.state != RunState.CANCELLED,
        "manifest_version": run.manifest_version,
        "epoch": run.epoch,
        "number": run.number,
        **_counters(run),
        "phases": phases(run),
        "percentage": run.percentage,
        "entries_per_second": pace.entries_per_second,
        "eta_seconds": pace.eta_seconds,
        "success_rate": _success_rate(run),
        "errors": run.errors,
        "mismatch": run.mismatch,
        "verify_rounds": run.verify_rounds,
        "receipt": {"receipt": run.receipt, "statement": run.statement} if run.receipt else None,
        "can_rollback": can_roll_back(run),
        "created_at": _moment(run.created_at),
        "finished_at": _moment(run.finished_at) if run.state in ENDED else None,
    }


def snapshot_of(run_id: UUID) -> dict[str, Any]:
    """Read a run and return its snapshot. Raises NotFound."""
    found = snapshots_of([run_id])
    if not found:
        raise NotFound("There is no such run.")
    return found[0][1]


def showing(run_id: UUID) -> Question:
    """Return the question for what a snapshot shows of a run; `shown` reads the answer."""
    return _SHOW.of({"run": run_id})


def shown(rows: Sequence[Sequence[Any]]) -> MigrationRun:
    """Return the run, with what a snapshot shows of it. Raises NotFound."""
    if not rows:
        raise NotFound("There is no such run.")
    *columns, withheld = rows[0]
    run = MigrationRun.from_db("default", _SEEN, columns)
    run.withheld_count = withheld  # type: ignore[attr-defined] # as `snapshots_of` annotates it
    return run


def snapshots_of(run_ids: Iterable[UUID]) -> list[tuple[MigrationRun, dict[str, Any]]]:
    """Read runs in one query; return each with its snapshot. Runs that are gone are left out."""
    runs = MigrationRun.objects.filter(id__in=list(run_ids))
    light = runs.defer(*_UNSEEN).annotate(withheld_count=KT("manifest__withheld__count"))
    return [(run, snapshot(run)) for run in light]


def phases(run: MigrationRun) -> dict[str, float]:
    """Return how far each phase is, 0 to 1. They overlap: a stored chunk is backed up, a judged entry validated."""
    received = _share(run.entries_received, run)
    processed = _share(run.entries_processed, run)
    verified = 1.0 if run.receipt else 0.5 if run.state == RunState.VERIFYING else 0.0
    return {
        "upload": received,
        "validation": processed,
        "backup": received,
        "load": processed,
        "verification": verified,
    }


def can_roll_back(run: MigrationRun) -> bool:
    """Tell whether a rollback may be asked for; the rollback room has the last word, with reasons."""
    moves = RUN.allows(run.state, RunState.ROLLING_BACK) and run.state != RunState.ROLLED_BACK
    return moves and run.purpose == MigrationRun.Purpose.MIGRATE and not run.dry_run


def _counters(run: MigrationRun) -> dict[str, dict[str, int]]:
    return {
        "entries": {
            "total": run.entries_total,
            "received": run.entries_received,
            "processed": run.entries_processed,
            "stored": run.entries_stored,
            "unchanged": run.entries_unchanged,
            "superseded": run.entries_superseded,
            "conflict": run.entries_conflict,
            "quarantined": run.entries_quarantined,
            "withheld": _withheld(run),
            "deleted": run.entries_deleted,
        },
        "bytes": {"total": run.bytes_total, "received": run.bytes_received, "processed": run.bytes_processed},
        "chunks": {"received": run.chunks_received, "loaded": run.chunks_loaded},
    }


def _withheld(run: MigrationRun) -> int:
    if "manifest" in run.get_deferred_fields():
        return int(getattr(run, "withheld_count", None) or 0)
    return int((run.manifest.get("withheld") or {}).get("count") or 0)


def _share(done: int, run: MigrationRun) -> float:
    if run.entries_total <= 0:
        return 0.0 if run.upload_state == "open" else 1.0
    return round(min(1.0, done / run.entries_total), 4)


def _success_rate(run: MigrationRun) -> float:
    if not run.entries_processed:
        return 1.0
    return round(max(0.0, 1 - run.entries_quarantined / run.entries_processed), 4)


def _pace(run: MigrationRun, at: datetime) -> Pace:
    if run.state == RunState.COMPLETED:
        return DONE
    if run.state not in _MOVING or run.pause_wished:
        return STANDING
    return pace_of(
        done=run.entries_processed,
        total=run.entries_total,
        since=run.pace_at,
        done_then=run.pace_entries,
        at=at,
    )


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None
