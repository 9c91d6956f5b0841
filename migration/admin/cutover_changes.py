"""Changes of stages in the admin: what each would lead to, what its gates say, whom it does not reach, a word typed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from migration import cutover
from migration.admin.base import LookOnly, actor_of
from migration.admin.display import badge, link_to, moment, number, visible
from migration.admin.reach import within_reach
from migration.cutover import Action, Comparison, Standing
from migration.errors import GatesClosed, MigrationError
from migration.models import REST, App, CollectionStage, StageChange
from migration.orchestration import admitting, cutting_over
from migration.orchestration.cutting_over import ONWARD, Why
from migration.reports import REASONS, unserved_by_panic
from migration.states import Stage

LONGEST_REASON = 500
LONGEST_RULES = 100_000
REST_NAME = "every other collection"


@dataclass(frozen=True)
class Verb:
    """What somebody may ask for, in the words of the page, and the conductor's verb that does it."""

    label: str
    asks: str
    act: Callable[..., StageChange]
    of_app: bool = False
    takes_share: bool = False
    takes_rules: bool = False
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
    Action.COMPARE: Verb(
        "Comparison",
        "How many of the reads are compared in the background, and what counts as the same. A collection that goes "
        "with the rest gets a stage of its own, where the rest stands.",
        cutting_over.set_comparison,
        takes_rules=True,
    ),
    Action.REJOIN: Verb(
        "Put back with the rest",
        "It goes with every other collection again, at their stage and compared as they are. A plan of its own is "
        "dropped.",
        cutting_over.rejoin,
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


class Changes(LookOnly):
    """The pages that change a stage."""

    def ask(self, request: HttpRequest, app_id: UUID, action: Action) -> HttpResponse:
        """Show what a change would lead to; make it when the app's slug was typed."""
        self.demand(request)
        app, verb = self.app_of(request, app_id), VERBS[action]
        collection = REST if verb.of_app else _collection(request, app)
        error = ""
        if request.method == "POST":
            error = self._do(request, app, collection, action) or ""
            if not error:
                return HttpResponseRedirect(reverse("admin:migration_cutover", args=[app.id]))
        told: dict[str, Any] = {"verb": verb, "collection": collection, "name": name_of(collection), "error": error}
        told |= _foreseen(app, collection, action)
        if verb.takes_rules:
            told["rules"] = _rules_shown(request, app, collection)
        if action == Action.PANIC:
            told["unserved"] = unserved(app)
        status = 422 if error else 200
        return self.page(request, app, "cutover_change.html", title=verb.label, status=status, **told)

    def _do(self, request: HttpRequest, app: App, collection: str, action: Action) -> str | None:
        """Make the change; return what is wrong with the form, None where it was made or somebody else was first."""
        word, reason = request.POST.get("word", "").strip(), _reason(request)
        force = action in ONWARD and word == forcing(app)
        if word != app.slug and not force:
            return f"Type {app.slug} to go on."
        if force and not reason:
            return "Say why you go on although gates do not hold."
        verb = VERBS[action]
        try:
            given = _given(request, verb, collection)
        except (ValueError, OverflowError):
            return "The form was damaged; nothing has been done."
        why = Why(actor=actor_of(request), reason=reason, force=force)
        try:
            change = verb.act(app_id=app.id, why=why, at=timezone.now(), **given)
        except GatesClosed as closed:
            return f"{closed.detail} To go on all the same, say why and type {forcing(app)}."
        except MigrationError as refused:
            self.message_user(request, refused.detail, messages.ERROR)
            return None
        self.message_user(request, f"{verb.label}: done. Open pages are told under epoch {change.epoch}.")
        return None

    def app_of(self, request: HttpRequest, app_id: UUID) -> App:
        """Return an app within the user's reach. Raises Http404."""
        return get_object_or_404(within_reach(App.objects.all(), user=request.user), id=app_id)

    def page(
        self, request: HttpRequest, app: App, template: str, *, title: str, status: int = 200, **told: Any
    ) -> HttpResponse:
        """Return a page about an app."""
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


def forcing(app: App) -> str:
    """Return the words that go on although gates do not hold."""
    return f"force {app.slug}"


def name_of(collection: str) -> str:
    """Return a collection's name as a page shows it."""
    return visible(collection, longest=60) or REST_NAME


def unserved(app: App) -> dict[str, Any]:
    """Return whom a panic does not serve, as a page shows it."""
    found = unserved_by_panic(app=app, at=timezone.now())
    return {
        "counts": [
            (REASONS[reason], number(devices), number(owners)) for reason, (devices, owners) in found.counts.items()
        ],
        "listed": [
            {
                "owner": link_to("owner", one.owner_id),
                "device": link_to("device", one.device_id),
                "browser": one.browser,
                "reason": badge(one.reason),
                "seen": moment(one.seen_at),
                "until": moment(one.until),
            }
            for one in found.listed
        ],
    }


def legal(now: Standing, *, rest: Standing | None = None) -> list[Action]:
    """Return what may be asked of a collection that stands so; `rest` of one that does not go with the rest."""
    found = [Action.SET_PERCENTAGE] if now.stage == Stage.RAMP else []
    for action in (Action.ADVANCE, Action.STEP_BACK, Action.COMPLETE, Action.REJOIN):
        try:
            cutover.changed(now, action, rest=rest)
        except MigrationError:
            continue
        found.append(action)
    return [*found, Action.COMPARE]


def links(app: App, collection: str, actions: list[Action]) -> list[tuple[str, str, bool]]:
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


def _foreseen(app: App, collection: str, action: Action) -> dict[str, Any]:
    """Return where a change would lead, or why it is refused, and what its gates say."""
    now = cutting_over.standing_of(app, collection)
    told: dict[str, Any] = {"now": now, "then": None, "refusal": "", "shares": _share_field(now, action)}
    try:
        if not (action == Action.SET_PERCENTAGE and now.stage == Stage.RAMP):
            told["then"] = cutover.changed(now, action, rest=cutting_over.rest_of(app, collection))
    except MigrationError as refused:
        return told | {"refusal": refused.detail}
    if action in ONWARD:
        gates = admitting.gates_now(app=app, collection=collection, at=timezone.now())
        told["gates"] = [(badge("held" if one.passed else "failed"), one.name, one.reason) for one in gates]
        if not all(one.passed for one in gates):
            told["forcing"] = forcing(app)
    return told


def _given(request: HttpRequest, verb: Verb, collection: str) -> dict[str, Any]:
    """Return what the form says of a change. Raises ValueError, OverflowError."""
    if verb.of_app:
        return {}
    if verb.takes_rules:
        return {"collection": collection, "comparison": _rules(request)}
    seen = Standing(Stage(request.POST.get("seen_stage", "")), int(request.POST.get("seen_percentage", "")))
    given: dict[str, Any] = {"collection": collection, "seen": seen}
    if verb.takes_share and request.POST.get("percentage"):
        given["percentage"] = round(float(request.POST["percentage"]) * 100)
    return given


def _rules(request: HttpRequest) -> Comparison:
    """Return the rules of a form: a share in percent, one pointer a line. Raises ValueError."""
    pointers = request.POST.get("ignore", "")[:LONGEST_RULES].splitlines()
    return Comparison(
        rate=float(request.POST.get("rate", "")) / 100,
        ignore=tuple(line.strip() for line in pointers if line.strip()),
        comparator=request.POST.get("comparator", ""),
    )


def _rules_shown(request: HttpRequest, app: App, collection: str) -> dict[str, Any]:
    """Return what stands in the fields: what was sent, else the rules of now."""
    now = cutover.requests_of(app).of(collection).comparison
    return {
        "rate": request.POST.get("rate") or f"{100 * now.rate:g}",
        "ignore": request.POST.get("ignore", "\n".join(now.ignore)),
        "comparator": request.POST.get("comparator") or now.comparator,
        "comparators": CollectionStage.Comparator.values,
    }


def _reason(request: HttpRequest) -> str:
    return request.POST.get("reason", "").replace("\x00", "").strip()[:LONGEST_REASON]


def _collection(request: HttpRequest, app: App) -> str:
    """Return the collection a page is about. Raises Http404 for one the app does not have."""
    collection = request.GET.get("collection", REST)
    if collection != REST and collection not in cutting_over.collections_of(app):
        raise Http404("There is no such collection in this app.")
    return collection


def _share_field(now: Standing, action: Action) -> str | None:
    """Return what stands in the field for a share, in percent; None where there is none."""
    if action == Action.SET_PERCENTAGE and now.stage == Stage.RAMP:
        return f"{now.percentage / 100:g}"
    if action == Action.ADVANCE and now.stage == Stage.SHADOW:
        return f"{cutover.FIRST_SHARE / 100:g}"
    return None
