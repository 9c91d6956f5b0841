"""The cutover of an app: where each collection stands, for whom it holds, its history, and what changes it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from migration import cutover
from migration.admin.base import AppFilter, LookOnly, actor_of
from migration.admin.display import NOTHING, badge, link_to, moment, number, stacked, visible
from migration.admin.reach import within_reach
from migration.cutover import Action, Requests, Standing
from migration.errors import MigrationError
from migration.models import REST, App, CollectionStage, StageChange
from migration.orchestration import cutting_over
from migration.orchestration.cutting_over import Why
from migration.reports import Census, census_of
from migration.states import Stage

NEWEST = 20
LONGEST_REASON = 500
REST_NAME = "every other collection"


@dataclass(frozen=True)
class Verb:
    """What somebody may ask for, in the words of the page, and the conductor's verb that does it."""

    label: str
    asks: str
    act: Callable[..., StageChange]
    of_app: bool = False
    takes_share: bool = False
    danger: bool = False


VERBS: dict[Action, Verb] = {
    Action.ADVANCE: Verb(
        "Advance",
        "Reads and writes go on as the next stage says. Devices without a receipt of their own stay where they are.",
        cutting_over.advance,
        takes_share=True,
    ),
    Action.STEP_BACK: Verb(
        "Step back",
        "Reads and writes go on as the stage before says. Nothing is lost: both sides were written all along.",
        cutting_over.step_back,
        danger=True,
    ),
    Action.SET_PERCENTAGE: Verb(
        "Set the share",
        "So many of the owners are served by the server. Raising it moves nobody back, lowering it only the excess.",
        cutting_over.set_percentage,
        takes_share=True,
    ),
    Action.COMPLETE: Verb(
        "Complete",
        "The server alone has the last word from now on. There is no step back from here, only rollback points.",
        cutting_over.complete,
        danger=True,
    ),
    Action.PANIC: Verb(
        "Panic",
        "Every browser of this app reads from itself within seconds, whatever the stages are. Writes go on to both "
        "sides, and what waits to be sent is kept.",
        cutting_over.panic,
        of_app=True,
        danger=True,
    ),
    Action.RELEASE_PANIC: Verb(
        "Release the panic",
        "The stages hold again as they are requested.",
        cutting_over.release_panic,
        of_app=True,
    ),
}


@admin.register(StageChange)
class StageChangeAdmin(LookOnly):
    """History of stages; each app has a page that changes them."""

    list_display = ("what", "app_link", "collection_shown", "way", "by_whom", "happened", "holds")
    list_filter = (AppFilter, "action", "cause", "at")
    search_fields = ("collection", "actor", "reason")
    search_help_text = "Collection, who, why, or the beginning of the id of a change or app"
    id_fields = ("id", "app_id")
    list_select_related = ("app",)
    ordering = ("-at", "-epoch")
    fields = (
        "id", "what", "app_link", "collection_shown", "way", "by_whom", "why", "epoch", "happened", "holds",
    )  # fmt: skip
    readonly_fields = fields

    @admin.display(description="change", ordering="action")
    def what(self, change: StageChange) -> str:
        """Show what was done."""
        return change.action.replace("_", " ")

    @admin.display(description="app", ordering="app__name")
    def app_link(self, change: StageChange) -> SafeString | str:
        """Link to the app."""
        return link_to("app", change.app_id, visible(change.app.name))

    @admin.display(description="collection", ordering="collection")
    def collection_shown(self, change: StageChange) -> str:
        """Show the collection."""
        return _name(change.collection)

    @admin.display(description="from and to")
    def way(self, change: StageChange) -> str:
        """Show both stages."""
        return way_of(change)

    @admin.display(description="who", ordering="actor")
    def by_whom(self, change: StageChange) -> SafeString:
        """Show who did it, and on whose behalf."""
        return stacked(visible(change.actor, longest=32), visible(change.cause, longest=32))

    @admin.display(description="why")
    def why(self, change: StageChange) -> str:
        """Show the reason."""
        return visible(change.reason) or NOTHING

    @admin.display(description="holds everywhere", ordering="effective_at")
    def holds(self, change: StageChange) -> SafeString | str:
        """Show since when it holds everywhere."""
        return holds_of(change)

    def get_urls(self) -> list[URLPattern]:
        """Put the apps' own pages before Django's."""
        view, of_app = self.admin_site.admin_view, "of/<uuid:app_id>/"
        asks = [
            path(
                f"of/<uuid:app_id>/{action}/", view(partial(self.ask, action=action)), name=f"migration_stage_{action}"
            )
            for action in VERBS
        ]
        return [path(of_app, view(self.show), name="migration_cutover"), *asks, *super().get_urls()]

    def show(self, request: HttpRequest, app_id: UUID) -> HttpResponse:
        """Show where an app's collections stand."""
        self.demand(request, act=False)
        app = self._app(request, app_id)
        requests = cutover.requests_of(app)
        census = census_of(app_id=app.id, requests=requests)
        told: dict[str, Any] = {
            "census": census,
            "rows": _rows(app, requests, census),
            "others": _others(app, requests),
            "verbs": _links(app, REST, [Action.RELEASE_PANIC if app.panic else Action.PANIC]),
            "history": [_told(change) for change in StageChange.objects.filter(app=app)[:NEWEST]],
            "may_act": self.may_act(request),
        }
        return self._page(request, app, "cutover.html", title="Cutover", **told)

    def ask(self, request: HttpRequest, app_id: UUID, action: Action) -> HttpResponse:
        """Show what a change would lead to; make it when the app's slug was typed."""
        self.demand(request)
        app, verb = self._app(request, app_id), VERBS[action]
        collection = REST if verb.of_app else _collection(request, app)
        error = ""
        if request.method == "POST":
            error = self._do(request, app, collection, action) or ""
            if not error:
                return HttpResponseRedirect(reverse("admin:migration_cutover", args=[app.id]))
        told: dict[str, Any] = {"verb": verb, "collection": collection, "name": _name(collection), "error": error}
        now, refusal = cutting_over.standing_of(app, collection), ""
        try:
            share = now.percentage if action == Action.SET_PERCENTAGE else None
            then = None if share is not None and now.stage == Stage.RAMP else cutover.changed(now, action)
        except MigrationError as refused:
            then, refusal = None, refused.detail
        told |= {"now": now, "then": then, "refusal": refusal, "shares": _share_field(now, action)}
        status = 422 if error else 200
        return self._page(request, app, "cutover_change.html", title=verb.label, status=status, **told)

    def _do(self, request: HttpRequest, app: App, collection: str, action: Action) -> str | None:
        """Make the change; return what is wrong with the form, None where it was made or somebody else was first."""
        if request.POST.get("word", "").strip() != app.slug:
            return f"Type {app.slug} to go on."
        verb, given = VERBS[action], dict[str, Any]()
        try:
            if not verb.of_app:
                given = {"collection": collection, "seen": _seen(request)}
            if verb.takes_share and request.POST.get("percentage"):
                given["percentage"] = round(float(request.POST["percentage"]) * 100)
        except (ValueError, OverflowError):
            return "The form was damaged; nothing has been done."
        reason = request.POST.get("reason", "").replace("\x00", "").strip()[:LONGEST_REASON]
        why = Why(actor=actor_of(request), reason=reason)
        try:
            change = verb.act(app_id=app.id, why=why, at=timezone.now(), **given)
        except MigrationError as refused:
            self.message_user(request, refused.detail, messages.ERROR)
            return None
        self.message_user(request, f"{verb.label}: done. Open pages are told under epoch {change.epoch}.")
        return None

    def _app(self, request: HttpRequest, app_id: UUID) -> App:
        return get_object_or_404(within_reach(App.objects.all(), user=request.user), id=app_id)

    def _page(
        self, request: HttpRequest, app: App, template: str, *, title: str, status: int = 200, **told: Any
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": title,
            "app_name": visible(app.name, longest=60),
            "app_id": app.id,
            "slug": app.slug,
            "panic": app.panic,
            "epoch": app.epoch,
            "of_app": reverse("admin:migration_app_change", args=[app.id]),
            "back_to": reverse("admin:migration_cutover", args=[app.id]),
            **told,
        }
        return TemplateResponse(request, f"admin/migration/{template}", context, status=status)


def way_of(change: StageChange) -> str:
    """Say from where to where a change led."""
    if change.action in (Action.PANIC, Action.RELEASE_PANIC, Action.COMPARE):
        return NOTHING
    before = _words(change.from_stage, change.from_percentage)
    return f"{before} \u2192 {_words(change.to_stage, change.to_percentage)}"


def holds_of(change: StageChange) -> SafeString | str:
    """Say since when a change holds everywhere, or what it still waits for."""
    if change.effective_at is not None:
        return moment(change.effective_at)
    left = len((change.older or {}).get("transactions", ()))
    return f"waits for {number(left)} older transactions" if left else "not looked yet"


def _words(stage: str, percentage: int) -> str:
    return f"{stage.replace('_', ' ')} {percentage / 100:g} %" if stage == Stage.RAMP else stage.replace("_", " ")


def _name(collection: str) -> str:
    return visible(collection, longest=60) or REST_NAME


def _told(change: StageChange) -> dict[str, Any]:
    return {
        "at": moment(change.at),
        "what": change.action.replace("_", " "),
        "name": _name(change.collection),
        "way": way_of(change),
        "who": visible(change.actor, longest=40),
        "cause": visible(change.cause, longest=40),
        "why": visible(change.reason),
        "epoch": change.epoch,
        "holds": holds_of(change),
    }


def _rows(app: App, requests: Requests, census: Census) -> list[dict[str, Any]]:
    since = dict(CollectionStage.objects.filter(app=app).values_list("collection", "changed_at"))
    return [
        {
            "name": _name(name),
            "badge": badge(asked.stage),
            "share": f"{asked.percentage / 100:g} %" if asked.stage == Stage.RAMP else NOTHING,
            "since": moment(since.get(name)),
            "compare": f"{asked.comparison.rate:.0%}, {asked.comparison.comparator}",
            "shares": [
                (badge(one.stage), one.reason.replace("_", " "), number(one.devices)) for one in census.shares[name]
            ],
            "verbs": _links(app, name, _legal(Standing(asked.stage, asked.percentage, app.panic))),
        }
        for name, asked in requests.each().items()
    ]


def _others(app: App, requests: Requests) -> list[dict[str, Any]]:
    """Return the collections without a line of their own, and what would give them one."""
    actions = _legal(Standing(requests.rest.stage, requests.rest.percentage, app.panic))
    return [
        {"name": _name(name), "verbs": _links(app, name, actions)}
        for name in cutting_over.collections_of(app)
        if name not in requests.own
    ]


def _legal(now: Standing) -> list[Action]:
    """Return what may be asked of a collection that stands so."""
    found = [Action.SET_PERCENTAGE] if now.stage == Stage.RAMP else []
    for action in (Action.ADVANCE, Action.STEP_BACK, Action.COMPLETE):
        try:
            cutover.changed(now, action)
        except MigrationError:
            continue
        found.append(action)
    return found


def _links(app: App, collection: str, actions: list[Action]) -> list[tuple[str, str, bool]]:
    """Return (address, label, whether it is dangerous)."""
    query = f"?{urlencode({'collection': collection})}" if collection else ""
    return [
        (
            reverse(f"admin:migration_stage_{action}", args=[app.id]) + query,
            f"{VERBS[action].label}\u2026",
            VERBS[action].danger,
        )
        for action in actions
    ]


def _collection(request: HttpRequest, app: App) -> str:
    """Return the collection a page is about. Raises Http404 for one the app does not have."""
    collection = request.GET.get("collection", REST)
    if collection != REST and collection not in cutting_over.collections_of(app):
        raise Http404("There is no such collection in this app.")
    return collection


def _seen(request: HttpRequest) -> Standing:
    """Return where the page the form came from showed the collection. Raises ValueError."""
    return Standing(Stage(request.POST.get("seen_stage", "")), int(request.POST.get("seen_percentage", "")))


def _share_field(now: Standing, action: Action) -> str | None:
    """Return what stands in the field for a share, in percent; None where there is none."""
    if action == Action.SET_PERCENTAGE and now.stage == Stage.RAMP:
        return f"{now.percentage / 100:g}"
    if action == Action.ADVANCE and now.stage == Stage.SHADOW:
        return f"{cutover.FIRST_SHARE / 100:g}"
    return None
