"""Handing a backup out, and writing it back into its owner's records once its id was typed."""

from uuid import UUID, uuid4

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
from migration.errors import MigrationError
from migration.models import Backup, Restoration
from migration.orchestration import restoring, retrieving

_COUNTS = (
    ("came_back", "come back", "are not there now"),
    ("replaced", "are replaced", "have another value now, which goes to history"),
    ("unchanged", "stay", "are the same already"),
    ("kept", "are kept", "have another value now"),
    ("refused", "stay out", "the rules that hold now refuse them"),
)


def download(admin: LookOnly, request: HttpRequest, backup: Backup) -> HttpResponse | StreamingHttpResponse:
    """Send a backup's latest line per key; who took it stands in the audit log."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    admin.demand(request)
    try:
        taken = retrieving.take_backup(
            owner_id=backup.owner_id, backup_id=backup.id, actor=actor_of(request), at=timezone.now()
        )
    except MigrationError as error:
        admin.message_user(request, visible(error.detail, longest=500), messages.ERROR)
        return HttpResponseRedirect(_page_of(backup))
    name = f"backup-{short(backup.id)}.ndjson.gz"
    return hand_out_file(request, taken.file, name=name, content_type="application/gzip")


def restore(admin: LookOnly, request: HttpRequest, backup: Backup) -> HttpResponse:
    """GET: say what a restore would come to. POST with the backup's id typed: do it."""
    admin.demand(request)
    chosen = request.POST.get("mode") or request.GET.get("mode") or Restoration.Mode.MISSING
    mode = Restoration.Mode(chosen) if chosen in Restoration.Mode.values else Restoration.Mode.MISSING
    if request.method == "POST" and request.POST.get("word", "").strip() == short(backup.id):
        return _do(admin, request, backup, mode)
    try:
        seen = restoring.preview_restore(owner_id=backup.owner_id, backup_id=backup.id, mode=mode, at=timezone.now())
    except MigrationError as error:
        admin.message_user(request, visible(error.detail, longest=500), messages.ERROR)
        return HttpResponseRedirect(_page_of(backup))
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "media": admin.media,
        "title": f"Restore backup {short(backup.id)}",
        "word": short(backup.id),
        "counts": [(number(getattr(seen, name)), what, why) for name, what, why in _COUNTS if getattr(seen, name)],
        "modes": [(value, label, value == mode) for value, label in Restoration.Mode.choices],
        "mode": mode,
        "error": f"Type {short(backup.id)} to go on." if request.method == "POST" else "",
        "idempotency_key": uuid4(),
        "back_to": _page_of(backup),
    }
    return TemplateResponse(request, "admin/migration/restore.html", context, status=422 if context["error"] else 200)


def _do(admin: LookOnly, request: HttpRequest, backup: Backup, mode: Restoration.Mode) -> HttpResponse:
    try:
        done = restoring.restore_backup(
            owner_id=backup.owner_id,
            backup_id=backup.id,
            mode=mode,
            idempotency_key=UUID(request.POST.get("idempotency_key", "")),
            actor=actor_of(request),
            at=timezone.now(),
        )
    except ValueError:
        admin.message_user(request, "The form was damaged; nothing has been done.", messages.ERROR)
    except MigrationError as error:
        admin.message_user(request, visible(error.detail, longest=500), messages.ERROR)
    else:
        words = (
            f"{number(done.came_back)} came back, {number(done.replaced)} were replaced. The point before it undoes it."
        )
        admin.message_user(request, words, messages.SUCCESS)
    return HttpResponseRedirect(_page_of(backup))


def _page_of(backup: Backup) -> str:
    return reverse("admin:migration_backup_change", args=[backup.id])
