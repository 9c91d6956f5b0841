"""Runs: the list, a run's page, its live progress, and what an operator may do to it."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods

from migration import reports
from migration.admin.base import AppFilter, LookOnly, actor_of
from migration.admin.display import NOTHING, badge, bar, link_to, moment, number, short, size, stacked, visible
from migration.admin.going_back import Question, answer
from migration.admin.run_page import page_of
from migration.cutover import current_epoch
from migration.errors import MigrationError
from migration.lifecycle import issue_ticket
from migration.models import MigrationRun
from migration.orchestration import rolling_back, steering
from migration.progress import snapshot_of

Verb = Callable[[MigrationRun, str], Any]


@admin.register(MigrationRun)
class MigrationRunAdmin(LookOnly):
    """What moves, and how far it has come."""

    list_display = ("short_id", "progress", "whose", "entries", "troubles", "created")
    list_display_links = ("short_id",)
    list_filter = ("state", AppFilter, "purpose", "dry_run", "created_at")
    search_fields = ("owner__subject", "failure_code")
    search_help_text = "Beginning of the id of a run, owner or device; a user's id; a failure's code"
    id_fields = ("id", "owner_id", "device_id")
    list_select_related = ("app", "owner")
    ordering = ("-created_at",)
    actions = ("pause_runs", "resume_runs", "cancel_runs")
    change_form_template = "admin/migration/run.html"
    fields = ()

    # --- the list -------------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[MigrationRun]:
        """Leave the large columns where they are."""
        return super().get_queryset(request).defer("manifest", "types", "options", "statement", "receipt", "errors")

    @admin.display(description="run", ordering="id")
    def short_id(self, run: MigrationRun) -> str:
        """Show the id's beginning."""
        return short(run.id)

    @admin.display(description="state", ordering="percentage")
    def progress(self, run: MigrationRun) -> SafeString:
        """Show the state and how far it has come."""
        return stacked(badge(run.state), bar(run.percentage))

    @admin.display(description="owner", ordering="app__name")
    def whose(self, run: MigrationRun) -> SafeString:
        """Link to owner and app."""
        owner = link_to("owner", run.owner_id, visible(str(run.owner), longest=18))
        return stacked(owner, link_to("app", run.app_id, visible(run.app.name, longest=40)))

    @admin.display(description="entries", ordering="entries_total")
    def entries(self, run: MigrationRun) -> SafeString:
        """Show processed of all, and the size."""
        return stacked(f"{number(run.entries_processed)} / {number(run.entries_total)}", size(run.bytes_total))

    @admin.display(description="troubles", ordering="entries_quarantined")
    def troubles(self, run: MigrationRun) -> SafeString | str:
        """Show what did not go straight."""
        if not run.entries_quarantined and not run.entries_conflict:
            return NOTHING
        return stacked(f"{number(run.entries_quarantined)} quarantined", f"{number(run.entries_conflict)} conflicts")

    @admin.display(description="created", ordering="created_at")
    def created(self, run: MigrationRun) -> SafeString | str:
        """Show when it was planned."""
        return moment(run.created_at)

    # --- what may be done to many ---------------------------------------------------------------------------

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Let Django offer the actions to those who may act."""
        return self.may_act(request)

    @admin.action(description="Pause", permissions=["act"])
    def pause_runs(self, request: HttpRequest, runs: QuerySet[MigrationRun]) -> None:
        """Pause each."""
        self._each(request, runs, _pause, "paused")

    @admin.action(description="Resume", permissions=["act"])
    def resume_runs(self, request: HttpRequest, runs: QuerySet[MigrationRun]) -> None:
        """Resume each."""
        self._each(request, runs, _resume, "resumed")

    @admin.action(description="Cancel (what is loaded stays)", permissions=["act"])
    def cancel_runs(self, request: HttpRequest, runs: QuerySet[MigrationRun]) -> None:
        """Cancel each."""
        self._each(request, runs, _cancel, "cancelled")

    def _each(self, request: HttpRequest, runs: QuerySet[MigrationRun], verb: Verb, done: str) -> None:
        count = 0
        for run in runs:
            try:
                verb(run, actor_of(request))
                count += 1
            except MigrationError as error:
                self.message_user(request, f"Run {short(run.id)}: {error.detail}", messages.WARNING)
        self.message_user(request, f"{count} {done}.", messages.SUCCESS if count else messages.INFO)

    # --- a run's page ---------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """Put the run's own pages before Django's."""
        view = self.admin_site.admin_view
        return [
            path("<uuid:run_id>/live/", view(self.live), name="migration_migrationrun_live"),
            path("<uuid:run_id>/steer/<str:verb>/", view(self.steer), name="migration_migrationrun_steer"),
            path("<uuid:run_id>/report/", view(self.report), name="migration_migrationrun_report"),
            path("<uuid:run_id>/rollback/", view(self.roll_back), name="migration_migrationrun_rollback"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the run's page."""
        run = self.get_object(request, object_id)
        extra = page_of(run) if run is not None else {}
        return super().change_view(request, object_id, form_url, {**extra, **(extra_context or {})})

    def title_of(self, identifier: str) -> str:
        """Return what the run's page is called."""
        return f"Run {short(identifier)}"

    def live(self, request: HttpRequest, run_id: UUID) -> HttpResponse:
        """GET: the run's snapshot. POST: a ticket for its socket."""
        self.demand(request, act=False)
        run = self.find(request, id=run_id)
        if request.method != "POST":
            return JsonResponse(snapshot_of(run_id))
        ticket = issue_ticket(owner_id=run.owner_id, run_id=run_id, at=timezone.now(), staff=True)
        return JsonResponse({"ticket": ticket}, headers={"Cache-Control": "no-store"})

    def report(self, request: HttpRequest, run_id: UUID) -> HttpResponse:
        """Show the run's report, one page that needs nothing beside it, under a policy of its own."""
        self.demand(request, act=False)
        run = self.find(request, id=run_id)
        headers = {"Content-Security-Policy": f"{reports.POLICY}; frame-ancestors 'none'", "Cache-Control": "no-store"}
        return HttpResponse(reports.html_report(run.id, at=timezone.now()), headers=headers)

    def steer(self, request: HttpRequest, run_id: UUID, verb: str) -> HttpResponse:
        """Pause, resume or cancel the run."""
        return require_http_methods(["POST"])(partial(self._steer, run_id=run_id, verb=verb))(request)

    def _steer(self, request: HttpRequest, *, run_id: UUID, verb: str) -> HttpResponse:
        self.demand(request)
        run = self.find(request, id=run_id)
        verbs: dict[str, Verb] = {"pause": _pause, "resume": _resume, "cancel": _cancel}
        try:
            verbs[verb](run, actor_of(request))
        except KeyError:
            self.message_user(request, "There is no such verb.", messages.ERROR)
        except MigrationError as error:
            self.message_user(request, error.detail, messages.WARNING)
        return HttpResponseRedirect(reverse("admin:migration_migrationrun_change", args=[run_id]))

    def roll_back(self, request: HttpRequest, run_id: UUID) -> HttpResponse:
        """Show what rolling the run back would do; do it when its id was typed."""
        self.demand(request)
        run = self.find(request, id=run_id)
        question = Question(
            title=f"Roll back run {short(run_id)}",
            asks="Records this run wrote go back to what they were before it. Keys edited since are kept. "
            "Nothing in the browser is touched, and the rollback can be undone.",
            verb="Roll back",
            word=short(run_id),
            back_to=reverse("admin:migration_migrationrun_change", args=[run_id]),
            back_name=f"Run {short(run_id)}",
            preview=partial(rolling_back.preview_run, owner_id=run.owner_id, run_id=run_id),
            request=partial(rolling_back.request_run_rollback, owner_id=run.owner_id, run_id=run_id),
            facts=[("State", badge(run.state)), ("App", visible(run.app.name)), ("Owner", visible(str(run.owner)))],
        )
        return answer(self, request, question)


def _pause(run: MigrationRun, actor: str) -> None:
    steering.pause(owner_id=run.owner_id, run_id=run.id, at=timezone.now(), actor=actor)


def _resume(run: MigrationRun, actor: str) -> None:
    epoch = current_epoch(owner_id=run.owner_id)
    steering.resume(owner_id=run.owner_id, run_id=run.id, epoch=epoch, at=timezone.now(), actor=actor)


def _cancel(run: MigrationRun, actor: str) -> None:
    steering.cancel(owner_id=run.owner_id, run_id=run.id, at=timezone.now(), actor=actor)
