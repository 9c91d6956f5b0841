"""The report of a run: what it meant to move, what came of it, how long it took, and what happened when."""

from collections import Counter
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count

from migration import progress
from migration.errors import NotFound
from migration.events import Happening
from migration.models import Conflict, MigrationRun, QuarantineEntry, Rollback, RunEvent
from migration.reports.durations import durations_by_state
from migration.states import RUN

TIMELINE_LINES = 1000
"""Newest timeline lines shown."""


def run_report(*, owner_id: UUID, run_id: UUID, at: datetime) -> dict[str, Any]:
    """Return a run's report as plain JSON types. No key and no value of the user stands in it. Raises NotFound."""
    run = MigrationRun.objects.select_related("app", "device").filter(id=run_id, owner_id=owner_id).first()
    if run is None:
        raise NotFound("There is no such run.")
    events = list(RunEvent.objects.filter(run_id=run_id).order_by("number", "id"))
    return {
        "generated_at": _moment(at),
        "app": run.app.slug,
        "device": str(run.device.key),
        "run": progress.snapshot(run, at=at),
        "options": run.options,
        "conflict_policy": run.conflict_policy,
        "failure_code": run.failure_code or None,
        "durations": _durations(run, events, at=at),
        "collections": _collections(run),
        "withheld": run.manifest.get("withheld") or {"count": 0, "rules": {}},
        "quarantined": _by(QuarantineEntry.objects.filter(run_id=run_id), "code"),
        "conflicts": _by(Conflict.objects.filter(run_id=run_id), "policy", "winner"),
        "errors_by_code": _errors_by_code(events),
        "rollbacks": [_rollback(one) for one in Rollback.objects.filter(run_id=run_id).order_by("created_at")],
        "timeline": [_line(event) for event in events[-TIMELINE_LINES:]],
    }


def _durations(run: MigrationRun, events: list[RunEvent], *, at: datetime) -> dict[str, Any]:
    states = [event for event in events if event.kind == Happening.STATE]
    moves = [(event.at, str(event.data.get("to", ""))) for event in states]
    first = str(states[0].data.get("from", RUN.initial)) if states else run.state
    until = max([at, *(moment for moment, _ in moves)])
    by_state = durations_by_state(moves, first=first, since=run.created_at, until=until)
    ended = run.finished_at or at
    return {
        "total_seconds": round(max(0.0, (ended - run.created_at).total_seconds()), 3),
        "upload_seconds": _seconds(run.started_at, run.sealed_at),
        "by_state": by_state,
    }


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
    return list(rows.values(*columns).annotate(count=Count("id")).order_by(*columns))


def _errors_by_code(events: list[RunEvent]) -> dict[str, int]:
    codes = Counter(str(event.data.get("code", "")) for event in events if event.kind == Happening.ERROR)
    return dict(sorted(codes.items()))


def _rollback(rollback: Rollback) -> dict[str, Any]:
    return {
        "id": str(rollback.id),
        "undoes": str(rollback.undoes_id) if rollback.undoes_id else None,
        "state": rollback.state,
        "reverted": rollback.reverted,
        "deleted": rollback.deleted,
        "kept": rollback.kept,
        "actor": rollback.actor,
        "created_at": _moment(rollback.created_at),
        "finished_at": _moment(rollback.finished_at),
    }


def _line(event: RunEvent) -> dict[str, Any]:
    return {"number": event.number, "kind": event.kind, "at": _moment(event.at), "data": event.data}


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else round(max(0.0, (end - start).total_seconds()), 3)


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None
