"""What happened and how things are: reports, statistics, readiness."""

from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.renderers import JSONRenderer, StaticHTMLRenderer
from rest_framework.request import Request

from migration import reports
from migration.api import accounts, callers
from migration.api.base import OwnerView
from migration.api.problems import json_answer
from migration.api.schema import WHOLE, operation
from migration.errors import BodyInvalid
from migration.orchestration import revalidation

_FORM = {"format": ({"type": "string", "enum": ["json", "html"]}, "json or html; without it Accept decides")}
_PAGE = "The same as one page that needs nothing else: plots, no script, a strict content security policy."
_SINCE = {"since": (WHOLE, "the revision the device knows, default 0; `behind` counts what others wrote after it")}
_FRAMES = "; frame-ancestors 'none'"


class ReportView(OwnerView):
    """What happened in a run."""

    renderer_classes = [JSONRenderer, StaticHTMLRenderer]

    @operation("runs_report", answer={200: accounts.Report}, errors=["not_found"], query=_FORM, page=_PAGE)
    def get(self, request: Request, run_id: UUID) -> HttpResponse:
        """Show its report, as JSON or as a page."""
        if request.GET.get("format") == "":
            raise BodyInvalid("`format` is json or html.")
        at = timezone.now()
        report = reports.run_report(owner_id=self.caller.owner_id, run_id=run_id, at=at)
        # The proof is made with rows of an owner that is not the caller.
        self.walls.close()
        reports.prove(report, app_id=self.caller.app.id, at=at)
        if request.accepted_renderer.format == "json":
            return json_answer(report)
        headers = {"Content-Security-Policy": reports.POLICY + _FRAMES, "Cache-Control": "no-store"}
        return HttpResponse(reports.html_page(report), content_type="text/html; charset=utf-8", headers=headers)


class ValidationView(OwnerView):
    """A run held to its receipt."""

    @operation("runs_validate", answer={200: accounts.Validation}, errors=["not_found", "not_migrated"])
    def post(self, request: Request, run_id: UUID) -> HttpResponse:
        """Verify it once more from stored bytes; it keeps its state and its receipt whatever is found."""
        found = revalidation.validate_run(owner_id=self.caller.owner_id, run_id=run_id, at=timezone.now())
        return json_answer(found)


class StatisticsView(OwnerView):
    """The owner in numbers."""

    @operation("owners_statistics", answer={200: accounts.Statistics}, query=_SINCE)
    def get(self, request: Request) -> HttpResponse:
        """Count what the server holds, and what the device lacks of it."""
        caller, since = self.caller, callers.number_query(request, "since", 0)
        return json_answer(reports.statistics(owner_id=caller.owner_id, device_id=caller.device_id, since=since))


class ReadinessView(OwnerView):
    """Whether a migration can begin, and could be taken back."""

    @operation("owners_readiness", answer={200: accounts.Readiness})
    def get(self, request: Request) -> HttpResponse:
        """Check everything a migration needs; the proof that rollback works is at most a minute old."""
        caller = self.caller
        at = timezone.now()
        own = reports.own_checks(app=caller.app, owner_id=caller.owner_id, device_id=caller.device_id, at=at)
        # What follows is about app and server, and no row of anybody is read for it.
        self.walls.close()
        return json_answer(reports.readiness(app=caller.app, own=own, at=at))
