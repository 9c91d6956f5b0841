"""Backups: the chunks of a run as received."""

from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from migration.admin import restoring
from migration.admin.base import LookOnly, actor_of
from migration.admin.display import NOTHING, badge, code, link_to, number, short, size
from migration.errors import BackupExpired
from migration.lifecycle import audit
from migration.models import Backup
from migration.orchestration import retrieving
from migration.values.digests import to_wire

MOST_PROBLEMS = 10
"""Problems of one backup told at once."""


@admin.register(Backup)
class BackupAdmin(LookOnly):
    """What browsers brought, byte-exact."""

    list_display = (
        "short_id",
        "state_badge",
        "run_link",
        "owner_link",
        "entry_count",
        "amount",
        "verified",
        "created",
    )
    list_filter = ("state", "created_at", "verified_at")
    id_fields = ("id", "run_id", "owner_id")
    search_fields = ("=state",)
    search_help_text = "Beginning of the id of a backup, run or owner"
    ordering = ("-created_at",)
    fields = (
        "id",
        "state_badge",
        "run_link",
        "owner_link",
        "entry_count",
        "amount",
        "set_digest",
        "verified",
        "created",
        "kept_until",
    )
    readonly_fields = fields
    list_select_related = ("run__app",)
    actions = ("verify_backups",)
    change_form_template = "admin/migration/backup.html"

    @admin.display(description="backup", ordering="id")
    def short_id(self, backup: Backup) -> str:
        """Show the id's beginning."""
        return short(backup.id)

    @admin.display(description="state", ordering="state")
    def state_badge(self, backup: Backup) -> SafeString:
        """Show the state."""
        return badge(backup.state)

    @admin.display(description="run")
    def run_link(self, backup: Backup) -> SafeString | str:
        """Link to the run."""
        return link_to("migrationrun", backup.run_id)

    @admin.display(description="owner")
    def owner_link(self, backup: Backup) -> SafeString | str:
        """Link to the owner."""
        return link_to("owner", backup.owner_id)

    @admin.display(description="entries", ordering="entries")
    def entry_count(self, backup: Backup) -> str:
        """Show the number of entries."""
        return number(backup.entries)

    @admin.display(description="size", ordering="bytes")
    def amount(self, backup: Backup) -> str:
        """Show the bytes."""
        return size(backup.bytes)

    @admin.display(description="can be read")
    def kept_until(self, backup: Backup) -> SafeString | str:
        """Tell how long what it holds is kept; a run that is under way or not verified keeps its own."""
        if backup.state == Backup.State.EXPIRED:
            return "no more"
        days = backup.run.app.backup_days
        return f"for {days} days after its run ended" if days else "as long as its owner is here"

    @admin.display(description="digest")
    def set_digest(self, backup: Backup) -> SafeString | str:
        """Show the set digest as the wire has it."""
        return code(to_wire(bytes(backup.digest))) if backup.digest else NOTHING

    # --- verifying ------------------------------------------------------------------------------------------

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Let Django offer the action to those who may act."""
        return self.may_act(request)

    @admin.action(description="Verify: open every chunk and hold it to its sums", permissions=["act"])
    def verify_backups(self, request: HttpRequest, backups: QuerySet[Backup]) -> None:
        """Verify each."""
        for backup in backups:
            self._verify(request, backup)

    def get_urls(self) -> list[URLPattern]:
        """Put the backup's own pages before Django's."""
        view = self.admin_site.admin_view
        return [
            path("<uuid:backup_id>/verify/", view(self.verify), name="migration_backup_verify"),
            path("<uuid:backup_id>/download/", view(self.download), name="migration_backup_download"),
            path("<uuid:backup_id>/restore/", view(self.restore), name="migration_backup_restore"),
            *super().get_urls(),
        ]

    def download(self, request: HttpRequest, backup_id: UUID) -> HttpResponse | StreamingHttpResponse:
        """Hand the backup out."""
        return restoring.download(self, request, self.find(request, id=backup_id))

    def restore(self, request: HttpRequest, backup_id: UUID) -> HttpResponse:
        """Write the backup back into its owner's records once its id was typed."""
        return restoring.restore(self, request, self.find(request, id=backup_id))

    def verify(self, request: HttpRequest, backup_id: UUID) -> HttpResponse:
        """Verify one and show its page again."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self.demand(request)
        self._verify(request, self.find(request, id=backup_id))
        return HttpResponseRedirect(reverse("admin:migration_backup_change", args=[backup_id]))

    def _verify(self, request: HttpRequest, backup: Backup) -> None:
        at = timezone.now()
        try:
            found = retrieving.verify_backup(owner_id=backup.owner_id, backup_id=backup.id, at=at)
        except BackupExpired as error:
            self.message_user(request, f"Backup {short(backup.id)}: {error.detail}", messages.WARNING)
            return
        codes = sorted({problem.code for problem in found.problems})
        audit(
            actor=actor_of(request),
            action="backup_verified",
            target=backup.id,
            at=at,
            app_id=backup.run.app_id,
            owner_id=backup.owner_id,
            data={"ok": found.ok, "problems": codes},
        )
        if found.ok:
            words = f"Backup {short(backup.id)} is sound: {number(found.entries)} entries."
            self.message_user(request, words, messages.SUCCESS)
        for problem in found.problems[:MOST_PROBLEMS]:
            words = f"Backup {short(backup.id)}, chunk {short(problem.chunk)}: {problem.detail}"
            self.message_user(request, words, messages.ERROR)
