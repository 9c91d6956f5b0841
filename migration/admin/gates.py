"""The gates of an app: each with its figure, limit and reason, as a plot over time, what the plan does next, and a few
mismatches. What an operator says of plans is said here."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.safestring import SafeString, mark_safe

from migration.admin.base import actor_of
from migration.admin.display import badge, code, link, link_to, moment, visible, visible_lines
from migration.admin.fleet import REST_SAID, app_within
from migration.admin.records import may_reveal
from migration.cutover.plans import RELEASED_BY_HAND, PlanInvalid, plan_for
from migration.errors import MigrationError
from migration.models import App, CutoverPlan, Mismatch
from migration.orchestration import planning
from migration.orchestration.planning import View, views_of
from migration.orchestration.revealing import reveal_mismatches
from migration.reports import plots
from migration.reports.fleet import PERIODS
from migration.reports.readings import readings
from migration.states import Stage

MOST_MISMATCHES = 20
TITLES = {"hour": "last hour", "day": "last 24 hours", "week": "last 7 days"}


def show(request: HttpRequest, app_id: UUID) -> HttpResponse:
    """Show the gates of every collection, and the plots and mismatches of the one that was chosen."""
    return _page(request, app_within(request, app_id))


def reveal(request: HttpRequest, app_id: UUID) -> HttpResponse:
    """Write who looks, and show the values of the chosen collection's mismatches in the answer itself."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    app = app_within(request, app_id)
    if not may_reveal(request):
        raise PermissionDenied
    return _page(request, app, revealed=True)


def say(request: HttpRequest, app_id: UUID, verb: str) -> HttpResponse:
    """Say something of a plan: set, pause, resume, drop or release it."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    app = app_within(request, app_id)
    if not request.user.has_perm("migration.change_app"):
        raise PermissionDenied
    collection = request.POST.get("collection", "")
    told, refusal = _VERBS.get(verb, _unknown), ""
    if verb in _VERBS and request.POST.get("word") != app.slug:
        refusal = f"Type {app.slug} to go on: nothing was changed."
    else:
        try:
            told(request)(app_id=app.id, collection=collection, actor=actor_of(request), at=timezone.now())
        except (MigrationError, PlanInvalid) as error:
            refusal = getattr(error, "detail", str(error))
    if refusal:
        messages.warning(request, refusal)
    return HttpResponseRedirect(_address(app, collection))


def _set(request: HttpRequest) -> Callable[..., Any]:
    try:
        share = float(request.POST.get("percentage", ""))
    except ValueError as error:
        raise PlanInvalid("A plan ends at a percentage from 0.01 to 100.") from error
    if not 0 < share <= 100:
        raise PlanInvalid("A plan ends at a percentage from 0.01 to 100.")
    return partial(planning.set_plan, plan=plan_for(gradual="gradual" in request.POST, percentage=share))


def _release(request: HttpRequest) -> Callable[..., Any]:
    stage = request.POST.get("stage", "")
    if stage not in RELEASED_BY_HAND:
        raise PlanInvalid("Only server_primary and complete are released.")
    return partial(planning.release, stage=Stage(stage))


def _unknown(_: HttpRequest) -> Callable[..., Any]:
    raise PlanInvalid("There is no such verb.")


_VERBS: Mapping[str, Callable[[HttpRequest], Callable[..., Any]]] = {
    "set": _set,
    "pause": lambda _: planning.pause_plan,
    "resume": lambda _: planning.resume_plan,
    "drop": lambda _: planning.drop_plan,
    "release": _release,
}


# --- the page ---------------------------------------------------------------------------------------------------


def _page(request: HttpRequest, app: App, *, revealed: bool = False) -> HttpResponse:
    at = timezone.now()
    views = views_of(app=app, at=at)
    chosen = next((view for view in views if view.collection == request.GET.get("collection", "")), views[0])
    period = request.GET.get("period", "day")
    period = period if period in PERIODS else "day"
    title = f"Gates of {visible(app.name, longest=40)}"
    context = {
        **admin.site.each_context(request),
        "title": title,
        "content_title": title,
        "app_id": app.id,
        "slug": app.slug,
        "panic": app.panic,
        "may_act": request.user.has_perm("migration.change_app"),
        "may_reveal": may_reveal(request),
        "collections": [_summary(app, view, chosen) for view in views],
        "collection": chosen.collection,
        "name": _name(chosen.collection),
        "gates": [(badge("held" if one.passed else "failed"), one.name, one.reason) for one in chosen.gates],
        "breach": chosen.breach,
        "plan": _plan(app, chosen),
        "periods": [(said, _query(chosen.collection, name), name == period) for name, said in TITLES.items()],
        "plots": plots_of(app, chosen.collection, period, at),
        "mismatches": _mismatches(request, app, chosen, revealed=revealed),
        "revealed": revealed,
        "query": _query(chosen.collection, period),
    }
    return TemplateResponse(request, "admin/migration/gates.html", context)


def _name(collection: str) -> str:
    return visible(collection) if collection else REST_SAID


def _query(collection: str, period: str) -> str:
    return urlencode({"collection": collection, "period": period})


def _address(app: App, collection: str) -> str:
    return f"{reverse('admin:migration_gates', args=[app.id])}?{urlencode({'collection': collection})}"


def _summary(app: App, view: View, chosen: View) -> dict[str, Any]:
    held = sum(gate.passed for gate in view.gates)
    share = f" {view.requested.percentage / 100:g} %" if view.requested.stage == Stage.RAMP else ""
    return {
        "name": link(_address(app, view.collection), _name(view.collection)),
        "stage": badge(view.requested.stage),
        "share": share,
        "since": moment(view.since),
        "held": f"{held} of {len(view.gates)}",
        "next": f"{_KINDS[type(view.decision).__name__]}: {view.decision.reason}",
        "chosen": view is chosen,
    }


_KINDS = {"Advance": "advance", "StepBack": "step back", "AwaitRelease": "await release", "Wait": "wait"}


def _plan(app: App, view: View) -> dict[str, Any] | None:
    row = CutoverPlan.objects.filter(app=app, collection=view.collection).first()
    if row is None:
        return None
    steps = [f"{one['percentage'] / 100:g} % for {one['seconds'] / 3600:g} h" for one in row.terms["steps"]]
    return {
        "steps": " → ".join(steps),
        "paused": row.paused,
        "released": row.released,
        "last": f"{row.decision.replace('_', ' ')}: {row.reason}" if row.decision else "not looked at yet",
        "decided": moment(row.decided_at),
        "until": moment(row.until),
    }


def plots_of(app: App, collection: str, period: str, at: Any) -> list[SafeString]:
    """Return a plot of each gate's figure and limit over a period."""
    found = readings(app_id=app.id, collection=collection, period=PERIODS[period], at=at)
    # The plots escape what they are given; they hold no script and no address.
    return [
        mark_safe(plots.lines(title=name, series={"figure": figures, "limit": limits}))  # noqa: S308 - said above
        for name, (figures, limits) in found.items()
    ]


def _mismatches(request: HttpRequest, app: App, view: View, *, revealed: bool) -> list[dict[str, Any]]:
    named: dict[str, Any] = {"app_id": app.id, "collection": view.collection, "most": MOST_MISMATCHES}
    if revealed:
        rows = reveal_mismatches(**named, actor=actor_of(request), at=timezone.now())
    else:
        rows = list(
            Mismatch.objects.filter(app_id=app.id, collection=view.collection)
            .defer("local", "server")
            .order_by("-at")[:MOST_MISMATCHES]
        )
    return [
        {
            "key": code(row.key),
            "reason": badge(row.reason),
            "stage": badge(row.stage),
            "owner": link_to("owner", row.owner_id),
            "device": link_to("device", row.device_id),
            "at": moment(row.at),
            "sides": [("browser", _side(row.local)), ("server", _side(row.server))] if revealed else [],
        }
        for row in rows
    ]


def _side(value: str | None) -> str:
    return "(absent)" if value is None else visible_lines(value)
