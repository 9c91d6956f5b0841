"""The cutover of an app: where each collection stands, for whom it holds, its history, and what changes it."""

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.safestring import SafeString

from migration import cutover
from migration.admin.base import AppFilter
from migration.admin.cutover_changes import VERBS, Changes, legal, links, name_of, unserved
from migration.admin.cutover_health import state_of
from migration.admin.display import NOTHING, badge, link_to, moment, number, stacked, visible
from migration.cutover import Action, Requests, Standing
from migration.models import REST, App, CollectionStage, StageChange
from migration.orchestration import cutting_over
from migration.reports import Census, census_of
from migration.states import Stage

NEWEST = 20


@admin.register(StageChange)
class StageChangeAdmin(Changes):
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
        return name_of(change.collection)

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
        app = self.app_of(request, app_id)
        requests = cutover.requests_of(app)
        census = census_of(app_id=app.id, requests=requests)
        told: dict[str, Any] = {
            "census": census,
            "rows": _rows(app, requests, census),
            "others": _others(app, requests),
            "verbs": links(app, REST, [Action.RELEASE_PANIC if app.panic else Action.PANIC]),
            "history": [_told(change) for change in StageChange.objects.filter(app=app)[:NEWEST]],
            "unserved": unserved(app) if app.panic else None,
            "may_act": self.may_act(request),
            **state_of(
                app=app,
                period=request.GET.get("period", ""),
                collection=request.GET.get("collection", REST),
                at=timezone.now(),
            ),
        }
        return self.page(request, app, "cutover.html", title="Cutover", **told)


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


def _told(change: StageChange) -> dict[str, Any]:
    return {
        "at": moment(change.at),
        "what": change.action.replace("_", " "),
        "name": name_of(change.collection),
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
            "name": name_of(name),
            "badge": badge(asked.stage),
            "share": f"{asked.percentage / 100:g} %" if asked.stage == Stage.RAMP else NOTHING,
            "since": moment(since.get(name)),
            "compare": f"{asked.comparison.rate:.0%}, {asked.comparison.comparator}",
            "shares": [
                (badge(one.stage), one.reason.replace("_", " "), number(one.devices)) for one in census.shares[name]
            ],
            "verbs": links(app, name, _legal(app, requests, name)),
        }
        for name, asked in requests.each().items()
    ]


def _others(app: App, requests: Requests) -> list[dict[str, Any]]:
    """Return the collections without a line of their own, and what would give them one."""
    actions = _legal(app, requests, REST)
    return [
        {"name": name_of(name), "verbs": links(app, name, actions)}
        for name in cutting_over.collections_of(app)
        if name not in requests.own
    ]


def _legal(app: App, requests: Requests, collection: str) -> list[Action]:
    def standing(name: str) -> Standing:
        asked = requests.of(name)
        return Standing(asked.stage, asked.percentage, app.panic)

    return legal(standing(collection), rest=standing(REST) if collection in requests.own else None)
