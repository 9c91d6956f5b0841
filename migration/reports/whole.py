"""A run's report with the proof that it can be taken back, for whoever works behind the doors and may see any run."""

from datetime import datetime
from typing import Any
from uuid import UUID

from migration.errors import NotFound
from migration.models import DriftNotice, MigrationRun
from migration.reports.moments import moment
from migration.reports.page import html_page
from migration.reports.rehearsal import rehearsals
from migration.reports.run_report import run_report

MOST = 100
"""Notices of drift shown, the newest."""


def prove(report: dict[str, Any], *, app_id: UUID, at: datetime) -> dict[str, Any]:
    """Add the app's newest rehearsal of a rollback to a run's report; return the report."""
    done = rehearsals.of(app_id=app_id, at=at)
    report["rollback"]["rehearsal"] = {
        "passed": done.passed,
        "detail": done.detail,
        "milliseconds": done.milliseconds,
        "at": moment(done.at),
    }
    return report


def whole_report(run_id: UUID, *, at: datetime) -> dict[str, Any]:
    """Return any run's report with its proof and the drift its app showed since it began. Raises NotFound.

    Drift is of all owners of the app (a path may name another owner's member), so no owner's own report has it.
    """
    found = MigrationRun.objects.filter(id=run_id).values_list("owner_id", "app_id").first()
    if found is None:
        raise NotFound("There is no such run.")
    owner_id, app_id = found
    report = prove(run_report(owner_id=owner_id, run_id=run_id, at=at), app_id=app_id, at=at)
    return {**report, "drift": _drift(app_id, report)}


def _drift(app_id: UUID, report: dict[str, Any]) -> list[dict[str, Any]]:
    names = [one["name"] for one in report["collections"]]
    since = datetime.fromisoformat(report["run"]["created_at"])
    noticed = DriftNotice.objects.filter(app_id=app_id, schema__collection__in=names, last_seen__gte=since)
    columns = ("schema__collection", "kind", "path", "detail", "count", "last_seen")
    return [
        {"collection": name, "kind": kind, "path": path, "detail": detail, "count": count, "last_seen": moment(seen)}
        for name, kind, path, detail, count, seen in noticed.order_by("-last_seen", "id").values_list(*columns)[:MOST]
    ]


def html_report(run_id: UUID, *, at: datetime) -> str:
    """Return any run's report as one HTML page. Raises NotFound."""
    return html_page(whole_report(run_id, at=at))
