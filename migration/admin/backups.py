"""Backups: the chunks of a run as received."""

from django.contrib import admin
from django.utils.safestring import SafeString

from migration.admin.base import LookOnly
from migration.admin.display import NOTHING, badge, code, link_to, number, short, size
from migration.models import Backup
from migration.values.digests import to_wire


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
    )
    readonly_fields = fields

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

    @admin.display(description="digest")
    def set_digest(self, backup: Backup) -> SafeString | str:
        """Show the set digest as the wire has it."""
        return code(to_wire(bytes(backup.digest))) if backup.digest else NOTHING
