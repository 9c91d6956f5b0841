"""Ways back: points, and each use of one."""

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from migration.admin.aiming import aim_of, words_of
from migration.admin.base import LookOnly
from migration.admin.display import NOTHING, badge, link, link_to, moment, number, short, stacked, visible
from migration.admin.going_back import Question, answer
from migration.models import Rollback, RollbackPoint
from migration.orchestration import rolling_back
from migration.rollback import Within


@admin.register(RollbackPoint)
class RollbackPointAdmin(LookOnly):
    """Named revisions of owners."""

    list_display = ("point", "owner_link", "run_link", "revision", "created", "go_back")
    list_filter = ("created_at",)
    search_fields = ("name",)
    id_fields = ("id", "owner_id", "run_id")
    search_help_text = "Name, or the beginning of the id of a point, owner or run"
    list_select_related = ("owner__app",)
    ordering = ("-created_at",)
    fields = ("point", "id", "owner_link", "run_link", "revision", "created", "go_back")
    readonly_fields = fields

    @admin.display(description="name", ordering="name")
    def point(self, point: RollbackPoint) -> str:
        """Show the name."""
        return visible(point.name) or NOTHING

    @admin.display(description="owner")
    def owner_link(self, point: RollbackPoint) -> SafeString | str:
        """Link to the owner."""
        return link_to("owner", point.owner_id, visible(str(point.owner), longest=24))

    @admin.display(description="before run")
    def run_link(self, point: RollbackPoint) -> SafeString | str:
        """Link to the run it was made for."""
        return link_to("migrationrun", point.run_id)

    @admin.display(description="way back")
    def go_back(self, point: RollbackPoint) -> SafeString:
        """Link to the preview."""
        return link(reverse("admin:migration_rollbackpoint_rollback", args=[point.id]), "Go back to this point…")

    def get_urls(self) -> list[URLPattern]:
        """Put the point's own page before Django's."""
        view = self.admin_site.admin_view(self.roll_back)
        return [path("<uuid:point_id>/rollback/", view, name="migration_rollbackpoint_rollback"), *super().get_urls()]

    def roll_back(self, request: HttpRequest, point_id: UUID) -> HttpResponse:
        """Show what going back to the point would do; do it when its id was typed."""
        self.demand(request)
        point = self.find(request, id=point_id)
        aim = aim_of(request, point.owner, revision=point.revision)
        named: dict[str, Any] = {"owner_id": point.owner_id, "point_id": point_id, "within": aim.within}
        question = Question(
            title=f"Go back to point {short(point_id)}",
            asks=f"Of this owner {aim.words} goes back to what it was at this point. Later edits are set aside in the "
            "conflict journal. Nothing in the browser is touched, and the rollback can be undone.",
            aim=aim.fields,
            wrong=aim.wrong,
            verb="Go back",
            word=short(point_id),
            back_to=reverse("admin:migration_rollback_changelist") + f"?owner__id__exact={point.owner_id}",
            back_name="Rollbacks of this owner",
            preview=partial(rolling_back.preview_point, **named),
            request=partial(rolling_back.request_point_rollback, **named),
            facts=[
                ("Point", visible(point.name)),
                ("Owner", visible(str(point.owner))),
                ("Revision", f"{number(point.revision)} (now {number(point.owner.revision)})"),
                ("Made", moment(point.created_at)),
            ],
        )
        return answer(self, request, question)


@admin.register(Rollback)
class RollbackAdmin(LookOnly):
    """Each use of a way back, undos among them."""

    list_display = ("short_id", "state_and_what", "of_whom", "counts", "by_whom", "undo_link")
    list_filter = ("state", "scope", "created_at")
    search_fields = ("actor",)
    id_fields = ("id", "owner_id", "run_id")
    search_help_text = "Actor, or the beginning of the id of a rollback, owner or run"
    list_select_related = ("owner",)
    ordering = ("-created_at",)
    fields = (
        "id",
        "what",
        "state_badge",
        "failed_because",
        "owner_link",
        "run_link",
        "point_link",
        "undoes_link",
        "app_rollback_link",
        "to_revision",
        "from_revision",
        "counts",
        "journaled",
        "who",
        "created",
        "finished",
        "undo_link",
    )
    readonly_fields = fields
    change_form_template = "admin/migration/rollback.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rollback]:
        """Know of each whether it was undone."""
        rollbacks: QuerySet[Rollback] = super().get_queryset(request)
        undos = Rollback.objects.filter(undoes=OuterRef("pk")).exclude(state=Rollback.State.FAILED)
        return rollbacks.annotate(was_undone=Exists(undos))

    @admin.display(description="rollback", ordering="id")
    def short_id(self, rollback: Rollback) -> str:
        """Show the id's beginning."""
        return short(rollback.id)

    @admin.display(description="state", ordering="state")
    def state_and_what(self, rollback: Rollback) -> SafeString:
        """Show the state and what is reverted."""
        return stacked(badge(rollback.state), self.what(rollback))

    @admin.display(description="owner", ordering="owner__subject")
    def of_whom(self, rollback: Rollback) -> SafeString:
        """Link to owner and run."""
        run = format_html("run {}", self.run_link(rollback)) if rollback.run_id else None
        return stacked(self.owner_link(rollback), run or words_of(Within.of_rollback(rollback)))

    @admin.display(description="asked", ordering="created_at")
    def by_whom(self, rollback: Rollback) -> SafeString:
        """Show who asked, and when."""
        return stacked(visible(rollback.actor, longest=32), moment(rollback.created_at))

    @admin.display(description="what", ordering="scope")
    def what(self, rollback: Rollback) -> str:
        """Tell what is reverted."""
        scope = "app" if rollback.app_rollback_id else rollback.scope
        return f"undo ({scope})" if rollback.undoes_id else f"rollback ({scope})"

    @admin.display(description="state", ordering="state")
    def state_badge(self, rollback: Rollback) -> SafeString:
        """Show the state."""
        return badge(rollback.state)

    @admin.display(description="failure")
    def failed_because(self, rollback: Rollback) -> str:
        """Show why it failed."""
        return visible(rollback.failure) or NOTHING

    @admin.display(description="owner")
    def owner_link(self, rollback: Rollback) -> SafeString | str:
        """Link to the owner."""
        return link_to("owner", rollback.owner_id, visible(str(rollback.owner), longest=18))

    @admin.display(description="run")
    def run_link(self, rollback: Rollback) -> SafeString | str:
        """Link to the run."""
        return link_to("migrationrun", rollback.run_id)

    @admin.display(description="point")
    def point_link(self, rollback: Rollback) -> SafeString | str:
        """Link to the point."""
        return link_to("rollbackpoint", rollback.point_id)

    @admin.display(description="undoes")
    def undoes_link(self, rollback: Rollback) -> SafeString | str:
        """Link to what it undoes."""
        return link_to("rollback", rollback.undoes_id)

    @admin.display(description="of the whole app")
    def app_rollback_link(self, rollback: Rollback) -> SafeString | str:
        """Link to the app's rollback it is a share of."""
        return link_to("approllback", rollback.app_rollback_id)

    @admin.display(description="effect")
    def counts(self, rollback: Rollback) -> SafeString:
        """Show what it did."""
        back = f"{number(rollback.reverted - rollback.deleted)} back"
        return stacked(back, f"{number(rollback.deleted)} removed · {number(rollback.kept)} kept")

    @admin.display(description="actor", ordering="actor")
    def who(self, rollback: Rollback) -> str:
        """Show who asked for it."""
        return visible(rollback.actor)

    @admin.display(description="way back")
    def undo_link(self, rollback: Rollback) -> SafeString | str:
        """Link to the undo's preview."""
        if rollback.state != Rollback.State.DONE or rollback.was_undone:  # type: ignore[attr-defined]
            return NOTHING
        return link(reverse("admin:migration_rollback_undo", args=[rollback.id]), "Undo…")

    def get_urls(self) -> list[URLPattern]:
        """Put the rollback's own pages before Django's."""
        view = self.admin_site.admin_view
        return [
            path("<uuid:rollback_id>/undo/", view(self.undo), name="migration_rollback_undo"),
            path("<uuid:rollback_id>/state/", view(self.state), name="migration_rollback_state"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the rollback; the page waits for its end."""
        rollback = self.get_object(request, object_id)
        return super().change_view(request, object_id, form_url, {"rollback": rollback, **(extra_context or {})})

    def state(self, request: HttpRequest, rollback_id: UUID) -> HttpResponse:
        """Answer the page that waits for the end."""
        self.demand(request, act=False)
        return JsonResponse({"state": self.find(request, id=rollback_id).state})

    def undo(self, request: HttpRequest, rollback_id: UUID) -> HttpResponse:
        """Show what undoing would do; do it when the id was typed."""
        self.demand(request)
        rollback = self.find(request, id=rollback_id)
        shown_on = ("migrationrun", rollback.run_id) if rollback.run_id else ("rollback", rollback_id)
        question = Question(
            title=f"Undo rollback {short(rollback_id)}",
            asks="What the rollback took back is given again. Keys edited since are kept. "
            "The undo can itself be undone.",
            verb="Undo",
            word=short(rollback_id),
            back_to=reverse(f"admin:migration_{shown_on[0]}_change", args=[shown_on[1]]),
            back_name=f"{'Run' if rollback.run_id else 'Rollback'} {short(shown_on[1])}",
            preview=partial(rolling_back.preview_undo, owner_id=rollback.owner_id, rollback_id=rollback_id),
            request=partial(rolling_back.undo, owner_id=rollback.owner_id, rollback_id=rollback_id),
            facts=[
                ("Rollback", f"{self.what(rollback)} by {visible(rollback.actor)}"),
                ("Owner", visible(str(rollback.owner))),
                ("Back to revision", number(rollback.from_revision)),
            ],
        )
        return answer(self, request, question)
