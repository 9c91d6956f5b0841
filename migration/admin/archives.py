"""Work on archives: how far it is, how it is written, what it waits for; paused, resumed and cancelled here."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from migration.admin.base import AppFilter, LookOnly, actor_of
from migration.admin.display import NOTHING, as_json, badge, bar, code, link_to, moment, number, short, stacked, visible
from migration.errors import MigrationError
from migration.models import ArchiveJob
from migration.orchestration.archiving_jobs import wish
from migration.states import ArchiveJobState

_WISHES: dict[str, dict[str, bool]] = {"pause": {"pause": True}, "resume": {"pause": False}, "cancel": {"cancel": True}}
_LABELS = {"pause": "Pause", "resume": "Resume", "cancel": "Cancel"}
_VERBS = {
    ArchiveJobState.RUNNING: ("pause", "cancel"),
    ArchiveJobState.PAUSED: ("resume", "cancel"),
    ArchiveJobState.FAILED: ("cancel",),
}


@admin.register(ArchiveJob)
class ArchiveJobAdmin(LookOnly):
    """Exports, restores, imports and verifications. The work itself is done by whoever started the command."""

    list_display = ("short_id", "state_and_what", "app_link", "way_gone", "waits_for", "by_whom")
    list_filter = ("state", "kind", AppFilter, "created_at")
    search_fields = ("actor", "source")
    search_help_text = "Actor, place, or the beginning of the id of the work or app"
    id_fields = ("id", "app_id")
    list_select_related = ("app",)
    ordering = ("-created_at",)
    fields = (
        "id", "state_and_what", "app_link", "place", "only", "way_gone", "pace", "batch", "strategy", "priority",
        "waits_for", "breaker", "failed_because", "outcomes", "point_link", "by_whom", "last_sign", "finished",
    )  # fmt: skip
    readonly_fields = fields
    change_form_template = "admin/migration/archive_job.html"

    @admin.display(description="work", ordering="id")
    def short_id(self, job: ArchiveJob) -> str:
        """Show the id's beginning."""
        return short(job.id)

    @admin.display(description="state", ordering="state")
    def state_and_what(self, job: ArchiveJob) -> SafeString:
        """Show the state, what is done, and what was wished."""
        wished = "cancel wished" if job.cancel_wished else "pause wished" if job.pause_wished else ""
        is_open = job.state in _VERBS
        return stacked(badge(job.state), " · ".join(filter(None, (job.kind, job.mode, wished if is_open else ""))))

    @admin.display(description="app", ordering="app__name")
    def app_link(self, job: ArchiveJob) -> SafeString | str:
        """Link to the app."""
        return link_to("app", job.app_id, visible(job.app.name, longest=40))

    @admin.display(description="archive")
    def place(self, job: ArchiveJob) -> SafeString:
        """Show where the archive lies."""
        return code(job.source)

    @admin.display(description="only")
    def only(self, job: ArchiveJob) -> str:
        """Show which collections it is about."""
        return visible(", ".join(job.collections), longest=400) if job.collections else "all collections"

    @admin.display(description="lines")
    def way_gone(self, job: ArchiveJob) -> SafeString:
        """Show how far it is."""
        said = f"{number(job.done)} of {number(job.total)}"
        return stacked(bar(100 * job.done / max(1, job.total), label="lines through"), said)

    @admin.display(description="pace")
    def pace(self, job: ArchiveJob) -> str:
        """Show lines per second since it began, and what is left at that pace."""
        seconds = ((job.finished_at or job.updated_at) - job.created_at).total_seconds()
        rate = job.done / seconds if seconds > 0 else 0.0
        left = f", about {number(round((job.total - job.done) / rate))} s left" if rate and job.state in _VERBS else ""
        return f"{number(round(rate))} lines a second{left}"

    @admin.display(description="batch")
    def batch(self, job: ArchiveJob) -> str:
        """Show how large the last batch was, and why."""
        said = job.status.get("reason", "")
        return visible(f"{job.status.get('batch', 0)} lines; {said}", longest=400) if said else NOTHING

    @admin.display(description="written by")
    def strategy(self, job: ArchiveJob) -> str:
        """Show the strategy, and why it was chosen."""
        return visible(str(job.status.get("strategy", "")), longest=400) or NOTHING

    @admin.display(description="waits for")
    def waits_for(self, job: ArchiveJob) -> str:
        """Show for want of what it waits."""
        said = str(job.status.get("throttle", "")) if job.state == ArchiveJobState.RUNNING else ""
        return visible(said, longest=200) or NOTHING

    @admin.display(description="priority")
    def priority(self, job: ArchiveJob) -> str:
        """Show how it stands to browsers."""
        return visible(str(job.status.get("priority", "")), longest=20) or NOTHING

    @admin.display(description="Postgres, as it sees it")
    def breaker(self, job: ArchiveJob) -> SafeString | str:
        """Show the breaker between it and Postgres when it last could say so, and how often it asked in vain."""
        state = str(job.status.get("breaker", ""))
        lost = int(job.status.get("lost", 0))
        return stacked(badge(state), f"asked in vain {number(lost)} times") if state else NOTHING

    @admin.display(description="failure")
    def failed_because(self, job: ArchiveJob) -> str:
        """Show why it failed."""
        return visible(job.failure) or NOTHING

    @admin.display(description="outcomes")
    def outcomes(self, job: ArchiveJob) -> SafeString:
        """Show what came of it, collection by collection."""
        return as_json(job.counts)

    @admin.display(description="rollback point")
    def point_link(self, job: ArchiveJob) -> SafeString | str:
        """Link to the point made before it."""
        return link_to("apppoint", job.point_id)

    @admin.display(description="asked", ordering="created_at")
    def by_whom(self, job: ArchiveJob) -> SafeString:
        """Show who asked, and when."""
        return stacked(visible(job.actor, longest=32), moment(job.created_at))

    @admin.display(description="last sign of life", ordering="updated_at")
    def last_sign(self, job: ArchiveJob) -> SafeString | str:
        """Show when it last wrote a checkpoint."""
        return moment(job.updated_at)

    def title_of(self, identifier: str) -> str:
        """Return what the page is called."""
        return f"Work {short(identifier)} on an archive"

    def get_urls(self) -> list[URLPattern]:
        """Put the verbs' addresses before Django's."""
        steer = self.admin_site.admin_view(self.steer)
        return [
            path("<uuid:job_id>/steer/<str:verb>/", steer, name="migration_archivejob_steer"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the work and what may be wished."""
        job = self.get_object(request, object_id)
        verbs = [] if job is None else [(verb, _LABELS[verb]) for verb in _VERBS.get(ArchiveJobState(job.state), ())]
        return super().change_view(request, object_id, form_url, {"job": job, "verbs": verbs, **(extra_context or {})})

    def steer(self, request: HttpRequest, job_id: UUID, verb: str) -> HttpResponse:
        """Wish it to pause, to go on when it is next started, or to end."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self.demand(request)
        job = self.find(request, id=job_id)
        if verb not in _WISHES:
            self.message_user(request, "There is no such verb.", messages.ERROR)
        else:
            self._wish(request, job, verb)
        return HttpResponseRedirect(reverse("admin:migration_archivejob_change", args=[job_id]))

    def _wish(self, request: HttpRequest, job: ArchiveJob, verb: str) -> None:
        try:
            wish(job.id, actor=actor_of(request), at=timezone.now(), **_WISHES[verb])
        except MigrationError as error:
            self.message_user(request, error.detail, messages.WARNING)
        else:
            said = "Taken back; run the same command again and it goes on." if verb == "resume" else "Wished."
            self.message_user(request, said, messages.SUCCESS)
