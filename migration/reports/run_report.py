"""The report of a run: what it meant to move, what came of it, how long it took, and what happened when."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count
from django.db.models.fields.json import KT

from migration import progress
from migration.errors import NotFound
from migration.events import Happening
from migration.models import Backup, Conflict, MigrationRun, QuarantineEntry, Rollback, RollbackPoint, RunEvent
from migration.reports import chunks
from migration.reports.durations import durations_by_state
from migration.reports.moments import moment, seconds
from migration.rollback import RollbackService
from migration.states import RUN

TIMELINE_LINES = 1000
"""Newest timeline lines shown; of rollbacks and points as many."""
_PLACES = ("stored", "conflict", "quarantined", "withheld")


def run_report(*, owner_id: UUID, run_id: UUID, at: datetime) -> dict[str, Any]:
    """Return a run's report as plain JSON types. No key and no value of the user stands in it. Raises NotFound."""
    run = MigrationRun.objects.select_related("app", "device", "owner").filter(id=run_id, owner_id=owner_id).first()
    if run is None:
        raise NotFound("There is no such run.")
    snapshot = progress.snapshot(run, at=at)
    return {
        "generated_at": moment(at),
        **_whose(run),
        "run": snapshot,
        "options": run.options,
        "conflict_policy": run.conflict_policy,
        "failure_code": run.failure_code or None,
        "moved": _moved(run, snapshot),
        **_times(run, at=at),
        "collections": _collections(run),
        **_set_aside(run),
        "errors_by_code": _errors_by_code(run),
        "rollback": _ways_back(run),
        "rollbacks": [_rollback(one) for one in run.rollbacks.order_by("created_at")[:TIMELINE_LINES]],
        "timeline": [_line(event) for event in _newest(_events(run))],
    }


def _times(run: MigrationRun, *, at: datetime) -> dict[str, Any]:
    """Return how long the run took and in what portions its entries came and were loaded."""
    owner_id, run_id = run.owner_id, run.id
    span, by_state = chunks.span_of(owner_id=owner_id, run_id=run_id), _by_state(run, at=at)
    return {
        "durations": {
            "total_seconds": seconds(run.created_at, run.finished_at or at),
            "upload_seconds": seconds(run.started_at, run.sealed_at),
            "by_state": by_state,
        },
        "phases": _phases(run, span, by_state),
        "rate": chunks.rates(span, owner_id=owner_id, run_id=run_id),
        "uploads": chunks.uploads(owner_id=owner_id, run_id=run_id),
        "batches": chunks.batches(owner_id=owner_id, run_id=run_id),
        "repairs": {"verify_rounds": run.verify_rounds, "chunks_claimed_again": span.claimed_again},
    }


def _set_aside(run: MigrationRun) -> dict[str, Any]:
    """Return what did not simply become records: withheld in the browser, refused, or disputed."""
    quarantine = QuarantineEntry.objects.filter(run_id=run.id, owner_id=run.owner_id)
    conflicts = Conflict.objects.filter(run_id=run.id, owner_id=run.owner_id)
    return {
        "withheld": run.manifest.get("withheld") or {"count": 0, "rules": {}},
        "quarantined": _by(quarantine, "code"),
        "quarantine_groups": _by(quarantine, "code", "collection", "state"),
        "conflicts": _by(conflicts, "policy", "winner", "state"),
    }


def _events(run: MigrationRun) -> Any:
    return RunEvent.objects.filter(run_id=run.id, owner_id=run.owner_id).order_by("number", "id")


def _newest(events: Any) -> list[RunEvent]:
    return list(events.reverse()[:TIMELINE_LINES])[::-1]


def _whose(run: MigrationRun) -> dict[str, Any]:
    return {
        "app": run.app.slug,
        "app_name": run.app.name,
        "owner": {"id": str(run.owner_id), "kind": run.owner.kind},
        "device": str(run.device.key),
        "user_agent": run.device.user_agent,
    }


def _moved(run: MigrationRun, snapshot: dict[str, Any]) -> dict[str, Any]:
    """Return the receipt's disjoint counts with their digests; before there is one, what the counters say so far."""
    stated = run.statement or {}
    counted = snapshot["entries"]
    return {
        "verified": bool(run.statement),
        **{place: stated.get(place) or {"entries": counted[place], "digest": None} for place in _PLACES},
    }


def _by_state(run: MigrationRun, *, at: datetime) -> dict[str, float]:
    states = list(_events(run).filter(kind=Happening.STATE))
    moves = [(event.at, str(event.data.get("to", ""))) for event in states]
    first = str(states[0].data.get("from", RUN.initial)) if states else run.state
    until = max([at, *(moved for moved, _ in moves)])
    return durations_by_state(moves, first=first, since=run.created_at, until=until)


def _phases(run: MigrationRun, span: chunks.Span, by_state: dict[str, float]) -> list[dict[str, Any]]:
    """Return each phase with its time. They overlap: a stored chunk is backed up, a judged entry validated."""
    stored, loaded = (span.stored_first, span.stored_last), (span.loaded_first, span.loaded_last)
    sent = (run.created_at, run.sealed_at or span.stored_last)
    timed = [
        {"name": name, "from": moment(first), "to": moment(last), "seconds": seconds(first, last)}
        for name, (first, last) in (("upload", sent), ("backup", stored), ("validation", loaded), ("load", loaded))
    ]
    verifying = by_state.get("verifying")
    return [*timed, {"name": "verification", "from": None, "to": moment(run.finished_at), "seconds": verifying}]


def _collections(run: MigrationRun) -> list[dict[str, Any]]:
    """Return what the manifest announced of each collection, with the types that were seen in it."""
    return [
        {
            "name": one["name"],
            "entries": one["entries"],
            "deleted": one.get("deleted", 0),
            "bytes": one["bytes"],
            "types": run.types.get(one["name"], {}),
        }
        for one in run.manifest["collections"]
    ]


def _by(rows: Any, *columns: str) -> list[dict[str, Any]]:
    return list(rows.values(*columns).annotate(count=Count("id")).order_by(*columns)[:TIMELINE_LINES])


def _errors_by_code(run: MigrationRun) -> dict[str, int]:
    errors = _events(run).filter(kind=Happening.ERROR).order_by()
    found = errors.annotate(code=KT("data__code")).values_list("code").annotate(Count("id"))
    return dict(sorted((str(code or ""), count) for code, count in found))


def _ways_back(run: MigrationRun) -> dict[str, Any]:
    reasons = RollbackService.against_run(run)
    points = RollbackPoint.objects.filter(run_id=run.id, owner_id=run.owner_id).order_by("created_at")
    backup = Backup.objects.filter(run_id=run.id, owner_id=run.owner_id).first()
    return {
        "possible": not reasons,
        "reasons": [{"code": reason.code, "detail": reason.detail} for reason in reasons],
        "points": [{"id": str(point.id), "name": point.name, "revision": point.revision} for point in points[:100]],
        "backup": {"state": backup.state, "verified_at": moment(backup.verified_at)} if backup else None,
        "rehearsal": None,
    }


def _rollback(rollback: Rollback) -> dict[str, Any]:
    return {
        "id": str(rollback.id),
        "undoes": str(rollback.undoes_id) if rollback.undoes_id else None,
        "state": rollback.state,
        "reverted": rollback.reverted,
        "deleted": rollback.deleted,
        "kept": rollback.kept,
        "actor": rollback.actor,
        "created_at": moment(rollback.created_at),
        "finished_at": moment(rollback.finished_at),
    }


def _line(event: RunEvent) -> dict[str, Any]:
    return {"number": event.number, "kind": event.kind, "at": moment(event.at), "data": event.data}
