"""Entries refused for one cause: what they have in common, and what can be done with all of them or with one edited."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from migration.admin.base import LookOnly, actor_of
from migration.admin.display import badge, moment, number, visible
from migration.admin.handing_out import hand_out_lines
from migration.admin.reach import within_reach
from migration.errors import MigrationError, NothingToReplay
from migration.models import App, QuarantineEntry, Replay
from migration.orchestration import quarantine, replaying
from migration.orchestration.quarantine import Cause
from migration.orchestration.replaying import Trial
from migration.states import QuarantineState

COUNTED = 10_000
"""Entries of a state counted at most: a million would keep the page waiting."""
LATEST = 10
"""Replays of a cause shown."""
_COUNTS = (
    ("replayed", "are loaded", "go into the records, or meet something newer there"),
    ("refused", "are refused again", "by the rules that hold now"),
    ("unfit", "stay", "the change does not fit them"),
    ("closed", "stay", "their run takes nothing any more"),
)


def address(cause: Cause) -> str:
    """Return where a cause's page is."""
    query = {"app": str(cause.app_id), "code": cause.code, "collection": cause.collection, "path": cause.path}
    return f"{reverse('admin:migration_quarantineentry_cause')}?{urlencode(query)}"


def show(admin: LookOnly, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """GET: show the cause and what a replay would do. POST with the code typed: do what was asked."""
    cause = _cause(request)
    admin.demand(request, act=request.method == "POST")
    if request.method == "POST":
        return _act(admin, request, cause)
    return _page(admin, request, cause)


def edit(admin: LookOnly, request: HttpRequest, entry: QuarantineEntry) -> HttpResponse:
    """Show what an edited value would come to, for its entry and for all alike; do it once the code was typed."""
    admin.demand(request)
    value = request.POST.get("value", "").replace("\r\n", "\n")  # forms send line ends of their own
    cause = Cause.of(entry)
    if request.POST.get("word", "").strip() == entry.code:
        return _ask(admin, request, cause, lambda: _edited(entry, value, to_all="all" in request.POST))
    context = {
        **_frame(admin, request, f"Edit entry {entry.id}"),
        "cause": cause,
        "value": value,
        "one": _trial(lambda: replaying.entry_order(entry, value=value)),
        "alike": _trial(lambda: _edited(entry, value, to_all=True)),
        "error": f"Type {entry.code} to go on." if "word" in request.POST else "",
        "idempotency_key": uuid4(),
        "back_to": reverse("admin:migration_quarantineentry_change", args=[entry.id]),
    }
    response = TemplateResponse(request, "admin/migration/quarantine_edit.html", context)
    response["Cache-Control"] = "no-store"
    return response


@dataclass(frozen=True)
class Foreseen:
    """What a preview shows: counts with their words, or why there are none."""

    counts: list[tuple[str, str, str]]
    is_all: bool = True
    why_not: str = ""
    reasons: tuple[tuple[str, str], ...] = ()


def _trial(order: Callable[[], Replay]) -> Foreseen:
    try:
        trial = replaying.preview(order(), at=timezone.now())
    except MigrationError as error:
        return Foreseen([], why_not=visible(error.detail, longest=500))
    return Foreseen(_counts(trial), trial.is_end, reasons=_reasons(trial))


def _counts(trial: Trial) -> list[tuple[str, str, str]]:
    return [(number(len(getattr(trial, name))), what, why) for name, what, why in _COUNTS if getattr(trial, name)]


def _reasons(trial: Trial) -> tuple[tuple[str, str], ...]:
    found = Counter((refusal.code, refusal.path) for _, refusal in trial.refused)
    return tuple((visible(code), visible(path, longest=80)) for (code, path), _ in found.most_common(LATEST))


def _edited(entry: QuarantineEntry, value: str, *, to_all: bool) -> Replay:
    if not to_all:
        return replaying.entry_order(entry, value=value)
    return replaying.cause_order(Cause.of(entry), changes=replaying.changes_between(entry, value))


def _cause(request: HttpRequest) -> Cause:
    """Read which cause is meant; an app out of reach, or no app at all, is a 404."""
    try:
        app_id = UUID(request.GET.get("app", ""))
    except ValueError as error:
        raise Http404 from error
    app = get_object_or_404(within_reach(App.objects.all(), user=request.user), id=app_id)
    named = {name: request.GET.get(name, "").replace("\x00", "") for name in ("code", "collection", "path")}
    return Cause(app.id, **named)


def _page(admin: LookOnly, request: HttpRequest, cause: Cause) -> HttpResponse:
    counted = {state: cause.counted(state, most=COUNTED + 1) for state in QuarantineState}
    context = {
        **_frame(admin, request, f"Refused as {visible(cause.code)}"),
        "cause": cause,
        "facts": [("Code", visible(cause.code)), ("Collection", visible(cause.collection))]
        + ([("Where in the value", visible(cause.path))] if cause.path else []),
        "states": [(badge(state), _at_most(many)) for state, many in counted.items()],
        "open": counted[QuarantineState.OPEN] and _at_most(counted[QuarantineState.OPEN]),
        "discarded": counted[QuarantineState.DISCARDED] and _at_most(counted[QuarantineState.DISCARDED]),
        "foreseen": _trial(lambda: replaying.cause_order(cause)) if counted[QuarantineState.OPEN] else None,
        "replays": _replays(cause),
        "entries": _list_address(cause),
        "idempotency_key": uuid4(),
        "may_act": admin.may_act(request),
    }
    return TemplateResponse(request, "admin/migration/quarantine_cause.html", context)


def _at_most(many: int) -> str:
    return number(many) if many <= COUNTED else f"more than {number(COUNTED)}"


def _frame(admin: LookOnly, request: HttpRequest, title: str) -> dict[str, Any]:
    return {**admin.admin_site.each_context(request), "opts": admin.opts, "media": admin.media, "title": title}


def _list_address(cause: Cause) -> str:
    query = {"app_id__exact": str(cause.app_id), "code__exact": cause.code, "collection__exact": cause.collection}
    return f"{reverse('admin:migration_quarantineentry_changelist')}?{urlencode(query)}"


def _replays(cause: Cause) -> list[dict[str, Any]]:
    orders = Replay.objects.filter(
        app_id=cause.app_id, code=cause.code, collection=cause.collection, path=cause.path
    ).order_by("-created_at")
    return [
        {
            "badge": badge(order.state),
            "what": "with a change" if order.changes or order.line is not None else "as they are",
            "scope": f"entry {order.entry_id}" if order.entry_id else "all alike",
            "counts": [number(count) for count in (order.replayed, order.refused, order.unfit + order.closed)],
            "actor": visible(order.actor),
            "created_at": moment(order.created_at),
            "failure": visible(order.failure),
        }
        for order in orders.defer("line")[:LATEST]
    ]


def _act(admin: LookOnly, request: HttpRequest, cause: Cause) -> HttpResponse | StreamingHttpResponse:
    verb = request.POST.get("verb", "")
    given: dict[str, Any] = {"app_id": cause.app_id, "actor": actor_of(request), "at": timezone.now()}
    if verb == "export":
        return _export(request, cause, given)
    if request.POST.get("word", "").strip() != cause.code:
        admin.message_user(request, f"Nothing was done: type {visible(cause.code)} to go on.", messages.ERROR)
    elif verb == "replay":
        return _ask(admin, request, cause, lambda: replaying.cause_order(cause))
    elif verb in _MOVES:
        do, said = _MOVES[verb]
        admin.message_user(request, f"{number(do(cause.entries(), **given))} {said}.", messages.SUCCESS)
    return HttpResponseRedirect(address(cause))


_MOVES: dict[str, tuple[Callable[..., int], str]] = {
    "discard": (quarantine.discard, "discarded; they are kept and can be taken back"),
    "reopen": (quarantine.reopen, "taken back"),
}


def _ask(admin: LookOnly, request: HttpRequest, cause: Cause, order: Callable[[], Replay]) -> HttpResponse:
    try:
        key = UUID(request.POST.get("idempotency_key", ""))
        replaying.ask(order(), idempotency_key=key, actor=actor_of(request), at=timezone.now())
    except ValueError:
        admin.message_user(request, "The form was damaged; nothing has been done.", messages.ERROR)
    except NothingToReplay as error:
        admin.message_user(request, error.detail, messages.WARNING)
    except MigrationError as error:
        admin.message_user(request, visible(error.detail, longest=500), messages.ERROR)
    else:
        admin.message_user(request, "Asked for. A worker tries them again now.", messages.SUCCESS)
    return HttpResponseRedirect(address(cause))


def _export(request: HttpRequest, cause: Cause, given: dict[str, Any]) -> StreamingHttpResponse:
    lines = quarantine.export(cause.entries(), **given)
    return hand_out_lines(request, lines, name="quarantine.ndjson", content_type="application/x-ndjson")
