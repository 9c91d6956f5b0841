"""A run's report with the proof that it can be taken back, for whoever works behind the doors and may see any run."""

from datetime import datetime
from typing import Any
from uuid import UUID

from migration.errors import NotFound
from migration.models import MigrationRun
from migration.reports.moments import moment
from migration.reports.page import html_page
from migration.reports.rehearsal import rehearsals
from migration.reports.run_report import run_report


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
    """Return any run's report with its proof. Raises NotFound."""
    found = MigrationRun.objects.filter(id=run_id).values_list("owner_id", "app_id").first()
    if found is None:
        raise NotFound("There is no such run.")
    owner_id, app_id = found
    return prove(run_report(owner_id=owner_id, run_id=run_id, at=at), app_id=app_id, at=at)


def html_report(run_id: UUID, *, at: datetime) -> str:
    """Return any run's report as one HTML page. Raises NotFound."""
    return html_page(whole_report(run_id, at=at))
