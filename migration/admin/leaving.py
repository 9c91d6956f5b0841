"""What an operator may do with all of one owner: hand it out, or erase it once its id was typed."""

from django.contrib import messages
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from migration.admin.base import LookOnly, actor_of
from migration.admin.display import number, short, visible
from migration.admin.handing_out import hand_out_file
from migration.errors import NotFound
from migration.models import Backup, Erasure, MigrationRun, Owner, QuarantineEntry
from migration.orchestration import erasing, exporting


def export(admin: LookOnly, request: HttpRequest, owner: Owner) -> HttpResponse | StreamingHttpResponse:
    """Send the archive of everything held of an owner; who took it stands in the audit log."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    admin.demand(request)
    file = exporting.export_owner(owner_id=owner.id, actor=actor_of(request), at=timezone.now())
    return hand_out_file(request, file, name=f"owner-{short(owner.id)}.zip", content_type="application/zip")


def erase(admin: LookOnly, request: HttpRequest, owner: Owner) -> HttpResponse:
    """GET: say what would go. POST with the owner's id typed: erase it."""
    admin.demand(request)
    typed = request.POST.get("word", "").strip()
    if request.method == "POST" and typed == short(owner.id):
        return _do(admin, request, owner)
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "media": admin.media,
        "title": f"Erase owner {short(owner.id)}",
        "word": short(owner.id),
        "subject": visible(owner.subject),
        "counts": _counts(owner),
        "asked": Erasure.objects.filter(owner_id=owner.id).first(),
        "error": f"Type {short(owner.id)} to go on." if request.method == "POST" else "",
        "back_to": reverse("admin:migration_owner_change", args=[owner.id]),
    }
    return TemplateResponse(request, "admin/migration/erase.html", context, status=422 if context["error"] else 200)


def _do(admin: LookOnly, request: HttpRequest, owner: Owner) -> HttpResponse:
    try:
        erasing.request_erasure(owner_id=owner.id, actor=actor_of(request), at=timezone.now())
    except NotFound as error:
        admin.message_user(request, error.detail, messages.WARNING)
    else:
        admin.message_user(request, "Refused from now on; a worker erases everything.", messages.SUCCESS)
    return HttpResponseRedirect(reverse("admin:migration_owner_changelist"))


def _counts(owner: Owner) -> list[tuple[str, str]]:
    held = [
        (MigrationRun.objects.filter(owner_id=owner.id), "runs"),
        (Backup.objects.filter(owner_id=owner.id), "backups"),
        (QuarantineEntry.objects.filter(owner_id=owner.id), "refused entries"),
    ]
    return [(number(owner.revision), "revisions of records"), *((number(rows.count()), what) for rows, what in held)]
