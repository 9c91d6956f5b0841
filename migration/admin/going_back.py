"""The page before a rollback or undo: what it would do, why it may not, and a word to type that says "I mean it"."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone

from migration.admin.base import LookOnly, actor_of
from migration.admin.display import number, visible
from migration.errors import MigrationError
from migration.models import AppRollback, Rollback
from migration.orchestration.rolling_back_apps import Forecast
from migration.rollback import Kept, Outcome, Reason

TEMPLATE = "admin/migration/going_back.html"


@dataclass(frozen=True)
class Question:
    """What is about to be done. `word` is what has to be typed; `preview` and `request` are the conductor's verbs.

    `counts` says what a preview found; `aim`, if any, fills the form that chooses how much goes back.
    """

    title: str
    asks: str
    verb: str
    word: str
    back_to: str
    back_name: str
    preview: Callable[..., tuple[list[Reason], Any]]
    request: Callable[..., Rollback | AppRollback]
    facts: Sequence[tuple[str, Any]] = field(default=())
    counts: Callable[[Any], list[tuple[str, str, str]]] = field(default_factory=lambda: counts_of_keys)
    aim: dict[str, Any] | None = None
    wrong: str = ""


def answer(admin: LookOnly, request: HttpRequest, question: Question) -> HttpResponse:
    """GET: show the preview. POST with the right word: ask for it, and go where its progress is shown."""
    typed = request.POST.get("word", "").strip()
    if request.method == "POST" and typed == question.word and not question.wrong:
        return _do(admin, request, question)
    error = question.wrong or (f"Type {question.word} to go on." if request.method == "POST" else "")
    reasons, outcome = question.preview(at=timezone.now())
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "media": admin.media,
        "title": question.title,
        "question": question,
        "reasons": reasons,
        "outcome": outcome,
        "counts": question.counts(outcome),
        "kept": [(visible(one.key_json), visible(one.collection), one.revision) for one in _kept(outcome)],
        "error": error,
        # Made with the page: sending its form twice is asking once.
        "idempotency_key": request.POST.get("idempotency_key") or uuid4(),
    }
    return TemplateResponse(request, TEMPLATE, context, status=422 if error else 200)


def _do(admin: LookOnly, request: HttpRequest, question: Question) -> HttpResponse:
    try:
        key = UUID(request.POST.get("idempotency_key", ""))
        question.request(idempotency_key=key, actor=actor_of(request), at=timezone.now())
    except ValueError:
        admin.message_user(request, "The form was damaged; nothing has been done.", messages.ERROR)
    except MigrationError as error:
        reasons = error.extras.get("reasons") or [{"detail": error.detail}]
        for reason in reasons:
            admin.message_user(request, reason["detail"], messages.ERROR)
    else:
        admin.message_user(request, f"{question.verb}: asked for. A worker does it now.", messages.SUCCESS)
    return HttpResponseRedirect(question.back_to)


def _kept(found: Outcome | Forecast) -> Sequence[Kept]:
    return found.kept if isinstance(found, Outcome) else ()


def counts_of_app(found: Forecast) -> list[tuple[str, str, str]]:
    """Return (count, what, explanation) of owners, and of keys as far as they were counted."""
    census = found.census
    of = "" if found.is_whole else f", in the first {number(found.counted)} of these owners"
    return [
        (number(census.owners), "owners", "of this app"),
        (number(census.changed), "have changed", "since; in the others nothing goes back"),
        (number(census.absent), "are not in the point", "they go to revision 0: nothing was there"),
        (number(found.reverted - found.deleted), "records go back", f"get an earlier value again{of}"),
        (number(found.deleted), "records are removed", f"were not there before{of}"),
        (number(found.journaled), "edits are set aside", f"in the conflict journal, restorable{of}"),
    ]


def counts_of_keys(outcome: Outcome) -> list[tuple[str, str, str]]:
    """Return (count, what, explanation); of the reverted, those that become tombstones are told apart."""
    return [
        (number(outcome.reverted - outcome.deleted), "go back", "get an earlier value again"),
        (number(outcome.deleted), "are removed", "were not there before"),
        (number(outcome.kept_count), "are kept", "somebody edited them since"),
        (number(outcome.journaled), "edits are set aside", "in the conflict journal, restorable"),
    ]
