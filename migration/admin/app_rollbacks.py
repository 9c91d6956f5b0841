"""Ways back of a whole app: its points, its rollbacks with their progress, and what steers them."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Case, Count, F, OuterRef, QuerySet, Subquery, When
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from migration import rollback
from migration.admin.base import AppFilter, LookOnly, actor_of
from migration.admin.display import NOTHING, badge, bar, link, link_to, listed, moment, number, short, stacked, visible
from migration.admin.going_back import Question, answer, counts_of_app
from migration.admin.reach import within_reach
from migration.errors import MigrationError
from migration.models import App, AppPoint, AppRollback, Rollback
from migration.orchestration import rolling_back_apps
from migration.rollback import Standing
from migration.states import AppRollbackState

MOST = 200
"""Owners whose keys a page counts; more would keep it waiting. The command counts them all."""
LONGEST_NAME = 200
UNDER_WAY = (AppRollbackState.AT_WORK, AppRollbackState.PAUSED)
_VERBS: dict[str, Callable[..., AppRollback]] = {
    "pause": rolling_back_apps.pause_app_rollback,
    "resume": rolling_back_apps.resume_app_rollback,
    "retry": rolling_back_apps.retry_app_rollback,
    "on": rolling_back_apps.put_owners_on_again,
}


@admin.register(AppPoint)
class AppPointAdmin(LookOnly):
    """Where all owners of an app stood at a moment."""

    list_display = ("point", "app_link", "owners_number", "by_whom", "created", "go_back")
    list_filter = (AppFilter, "created_at")
    search_fields = ("name",)
    search_help_text = "Name, or the beginning of the id of a point or app"
    id_fields = ("id", "app_id")
    list_select_related = ("app",)
    ordering = ("-created_at",)
    fields = ("point", "id", "app_link", "owners_number", "by_whom", "created", "go_back")
    readonly_fields = fields

    @admin.display(description="name", ordering="name")
    def point(self, point: AppPoint) -> str:
        """Show the name."""
        return visible(point.name) or NOTHING

    @admin.display(description="app", ordering="app__name")
    def app_link(self, point: AppPoint) -> SafeString | str:
        """Link to the app."""
        return link_to("app", point.app_id, visible(point.app.name))

    @admin.display(description="owners", ordering="owners")
    def owners_number(self, point: AppPoint) -> str:
        """Show how many owners it holds."""
        return number(point.owners)

    @admin.display(description="made by", ordering="actor")
    def by_whom(self, point: AppPoint) -> str:
        """Show who made it."""
        return visible(point.actor)

    @admin.display(description="way back")
    def go_back(self, point: AppPoint) -> SafeString:
        """Link to the preview."""
        return link(reverse("admin:migration_apppoint_rollback", args=[point.id]), "Take the app back to this point…")

    def get_urls(self) -> list[URLPattern]:
        """Put the points' own pages before Django's."""
        view = self.admin_site.admin_view
        return [
            path("of/<uuid:app_id>/", view(self.make), name="migration_apppoint_make"),
            path("<uuid:app_point_id>/rollback/", view(self.roll_back), name="migration_apppoint_rollback"),
            *super().get_urls(),
        ]

    def make(self, request: HttpRequest, app_id: UUID) -> HttpResponse:
        """Ask for a name; make the point under it."""
        self.demand(request)
        app = get_object_or_404(within_reach(App.objects.all(), user=request.user), id=app_id)
        name = request.POST.get("name", "").replace("\x00", "").strip()
        if request.method == "POST" and 0 < len(name) <= LONGEST_NAME:
            point = rollback.create_app_point(app_id=app_id, name=name, actor=actor_of(request), at=timezone.now())
            self.message_user(request, f"A point of {number(point.owners)} owners is made.", messages.SUCCESS)
            return HttpResponseRedirect(reverse("admin:migration_apppoint_change", args=[point.id]))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Make a point of the whole app",
            "app_name": visible(app.name),
            "back_to": reverse("admin:migration_app_change", args=[app_id]),
            "error": "A name has 1 to 200 characters." if request.method == "POST" else "",
        }
        return TemplateResponse(
            request, "admin/migration/app_point.html", context, status=422 if context["error"] else 200
        )

    def roll_back(self, request: HttpRequest, app_point_id: UUID) -> HttpResponse:
        """Show what taking all owners back would do; do it when the app's slug was typed."""
        self.demand(request)
        point = self.find(request, id=app_point_id)
        named = {"app_id": point.app_id, "point_id": app_point_id}
        question = Question(
            title=f"Take an app back to point {short(app_point_id)}",
            asks="Every record of every owner of this app goes back to what it was at this point; an owner the point "
            "does not hold had nothing then. Later edits are set aside in the conflict journal. Nothing in any browser "
            "is touched, and what is done can be undone.",
            verb="Take everybody back",
            word=point.app.slug,
            back_to=reverse("admin:migration_approllback_changelist") + f"?app__id__exact={point.app_id}",
            back_name="Rollbacks of this app",
            preview=partial(rolling_back_apps.preview_app, **named, most=MOST),
            request=partial(rolling_back_apps.request_app_rollback, **named),
            counts=counts_of_app,
            facts=[
                ("App", visible(point.app.name)),
                ("Point", visible(point.name)),
                ("Owners it holds", number(point.owners)),
                ("Made", moment(point.created_at)),
            ],
        )
        return answer(self, request, question)


@admin.register(AppRollback)
class AppRollbackAdmin(LookOnly):
    """Whole apps that went back, or are on their way."""

    list_display = ("short_id", "state_and_what", "app_link", "way_gone", "by_whom", "undo_link")
    list_filter = ("state", AppFilter, "created_at")
    search_fields = ("actor",)
    search_help_text = "Actor, or the beginning of the id of a rollback or app"
    id_fields = ("id", "app_id")
    list_select_related = ("app",)
    ordering = ("-created_at",)
    fields = (
        "id", "state_and_what", "app_link", "point_link", "undoes_link", "owners_told", "keys_told", "shares",
        "by_whom", "finished", "undo_link",
    )  # fmt: skip
    readonly_fields = fields
    change_form_template = "admin/migration/app_rollback.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[AppRollback]:
        """Know of those under way how many owners are left; of the others nobody asks."""
        left = Rollback.objects.filter(app_rollback=OuterRef("pk"), state=Rollback.State.REQUESTED)
        waiting = left.order_by().values("app_rollback").annotate(count=Count("pk")).values("count")
        known = When(state__in=UNDER_WAY, all_listed=True, then=Subquery(waiting))
        found: QuerySet[AppRollback] = super().get_queryset(request)
        return found.annotate(left=Case(known, default=None), undone_by=F("approllback__id"))

    @admin.display(description="rollback", ordering="id")
    def short_id(self, order: AppRollback) -> str:
        """Show the id's beginning."""
        return short(order.id)

    @admin.display(description="state", ordering="state")
    def state_and_what(self, order: AppRollback) -> SafeString:
        """Show the state and what it is."""
        return stacked(badge(order.state), "undo" if order.undoes_id else "rollback")

    @admin.display(description="app", ordering="app__name")
    def app_link(self, order: AppRollback) -> SafeString | str:
        """Link to the app."""
        return link_to("app", order.app_id, visible(order.app.name))

    @admin.display(description="owners")
    def way_gone(self, order: Any) -> SafeString | str:
        """Show how far it is."""
        if order.state not in UNDER_WAY:
            return number(order.owners)
        gone = 0 if order.left is None and not order.all_listed else order.owners - (order.left or 0)
        return bar(100 * gone / max(1, order.owners), label="owners taken")

    @admin.display(description="asked", ordering="created_at")
    def by_whom(self, order: AppRollback) -> SafeString:
        """Show who asked, and when."""
        return stacked(visible(order.actor, longest=32), moment(order.created_at))

    @admin.display(description="point")
    def point_link(self, order: AppRollback) -> SafeString | str:
        """Link to the point."""
        return link_to("apppoint", order.point_id)

    @admin.display(description="undoes")
    def undoes_link(self, order: AppRollback) -> SafeString | str:
        """Link to what it undoes."""
        return link_to("approllback", order.undoes_id)

    @admin.display(description="owners")
    def owners_told(self, order: AppRollback) -> str:
        """Show owners taken, failed and absent."""
        return _owners_told(_standing(order)) + f" · {number(order.absent)} not in the point"

    @admin.display(description="effect")
    def keys_told(self, order: AppRollback) -> str:
        """Show what went back."""
        now = _standing(order)
        back = f"{number(now.reverted - now.deleted)} back, {number(now.deleted)} removed"
        return f"{back}, {number(now.journaled)} edits set aside, in {number(now.touched)} owners"

    @admin.display(description="owner by owner")
    def shares(self, order: AppRollback) -> SafeString:
        """Link to the owners' rollbacks, and to those that failed."""
        of_order = {"app_rollback__id__exact": order.id}
        every = listed("rollback", "all", **of_order)
        failed = listed("rollback", "failed, with their reasons", **of_order, state__exact="failed")
        return stacked(every, failed)

    @admin.display(description="way back")
    def undo_link(self, order: Any) -> SafeString | str:
        """Link to the undo's preview."""
        if order.state == AppRollbackState.AT_WORK or order.undone_by:
            return NOTHING
        return link(reverse("admin:migration_approllback_undo", args=[order.id]), "Undo…")

    def get_urls(self) -> list[URLPattern]:
        """Put the rollbacks' own pages before Django's."""
        view, one = self.admin_site.admin_view, "<uuid:app_rollback_id>"
        return [
            path(f"{one}/undo/", view(self.undo), name="migration_approllback_undo"),
            path(f"{one}/state/", view(self.state), name="migration_approllback_state"),
            path(f"{one}/steer/<str:verb>/", view(self.steer), name="migration_approllback_steer"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the rollback; while it is at work the page follows it."""
        order = self.get_object(request, object_id)
        extra: dict[str, Any] = {} if order is None else {"order": order, **_live(order), "verbs": _verbs(order)}
        return super().change_view(request, object_id, form_url, {**extra, **(extra_context or {})})

    def state(self, request: HttpRequest, app_rollback_id: UUID) -> HttpResponse:
        """Answer the page that follows it."""
        self.demand(request, act=False)
        return JsonResponse(_live(self.find(request, id=app_rollback_id)))

    def steer(self, request: HttpRequest, app_rollback_id: UUID, verb: str) -> HttpResponse:
        """Pause or resume it, or retry the owners that failed."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self.demand(request)
        order = self.find(request, id=app_rollback_id)
        try:
            _VERBS[verb](app_id=order.app_id, app_rollback_id=order.id, actor=actor_of(request), at=timezone.now())
        except KeyError:
            self.message_user(request, "There is no such verb.", messages.ERROR)
        except MigrationError as error:
            self.message_user(request, error.detail, messages.WARNING)
        return HttpResponseRedirect(reverse("admin:migration_approllback_change", args=[app_rollback_id]))

    def undo(self, request: HttpRequest, app_rollback_id: UUID) -> HttpResponse:
        """Show what undoing would do; do it when the app's slug was typed."""
        self.demand(request)
        order = self.find(request, id=app_rollback_id)
        named = {"app_id": order.app_id, "app_rollback_id": app_rollback_id}
        question = Question(
            title=f"Undo rollback {short(app_rollback_id)} of an app",
            asks="Every owner in whom something went back gets again what it had before. What was written since is set "
            "aside in the conflict journal. A rollback that is paused goes no further. The undo can itself be undone.",
            verb="Undo",
            word=order.app.slug,
            back_to=reverse("admin:migration_approllback_changelist") + f"?app__id__exact={order.app_id}",
            back_name="Rollbacks of this app",
            preview=partial(rolling_back_apps.preview_app_undo, **named, most=MOST),
            request=partial(rolling_back_apps.undo_app_rollback, **named),
            counts=counts_of_app,
            facts=[("App", visible(order.app.name)), ("Asked by", visible(order.actor))],
        )
        return answer(self, request, question)


def _standing(order: AppRollback) -> Standing:
    return rolling_back_apps.progress_of(order, at=timezone.now())


def _live(order: AppRollback) -> dict[str, Any]:
    """Return what the page shows of the moment."""
    now = _standing(order)
    pace = now.pace
    said = _owners_told(now)
    if order.state == AppRollbackState.AT_WORK and pace.eta_seconds is not None:
        said += f" · {pace.entries_per_second:g} owners a second, about {round(pace.eta_seconds):,} s left"
    taken = now.done + now.failed
    return {"state": order.state, "percentage": round(100 * taken / max(1, now.owners), 1), "said": said}


def _owners_told(now: Standing) -> str:
    return f"{number(now.done)} of {number(now.owners)} owners done · {number(now.failed)} failed"


def _verbs(order: AppRollback) -> list[tuple[str, str]]:
    """Return (verb, label) of what may be done in its state."""
    steering = {AppRollbackState.AT_WORK: [("pause", "Pause")], AppRollbackState.PAUSED: [("resume", "Resume")]}
    found = steering.get(AppRollbackState(order.state), [])
    undone = AppRollback.objects.filter(undoes=order).exists()
    failed = not undone and order.shares.filter(state=Rollback.State.FAILED).exists()
    off = order.state != AppRollbackState.AT_WORK and order.app.owners.filter(switched_off=True).exists()
    retry = [("retry", "Retry owners that failed")] if failed else []
    return [*found, *retry, *([("on", "Put the app's owners on again")] if off else [])]
