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
from migration.models import Rollback
from migration.rollback import Outcome, Reason

TEMPLATE = "admin/migration/going_back.html"


@dataclass(frozen=True)
class Question:
    """What is about to be done. `word` is what has to be typed; the two callables are the conductor's verbs."""

    title: str
    asks: str
    verb: str
    word: str
    back_to: str
    back_name: str
    preview: Callable[..., tuple[list[Reason], Outcome]]
    request: Callable[..., Rollback]
    facts: Sequence[tuple[str, Any]] = field(default=())


def answer(admin: LookOnly, request: HttpRequest, question: Question) -> HttpResponse:
    """GET: show the preview. POST with the right word: ask for it, and go where its progress is shown."""
    typed = request.POST.get("word", "").strip()
    if request.method == "POST" and typed == question.word:
        return _do(admin, request, question)
    error = f"Type {question.word} to go on." if request.method == "POST" else ""
    reasons, outcome = question.preview(at=timezone.now())
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "media": admin.media,
        "title": question.title,
        "question": question,
        "reasons": reasons,
        "outcome": outcome,
        "counts": _counts(outcome),
        "kept": [(visible(kept.key_json), visible(kept.collection), kept.revision) for kept in outcome.kept],
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


def _counts(outcome: Outcome) -> list[tuple[str, str, str]]:
    """Return (count, what, explanation); of the reverted, those that become tombstones are told apart."""
    return [
        (number(outcome.reverted - outcome.deleted), "go back", "get an earlier value again"),
        (number(outcome.deleted), "are removed", "were not there before"),
        (number(outcome.kept_count), "are kept", "somebody edited them since"),
        (number(outcome.journaled), "edits are set aside", "in the conflict journal, restorable"),
    ]
