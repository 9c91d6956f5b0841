"""The audit log."""

from typing import Any

from django.contrib import admin
from django.utils.safestring import SafeString

from migration.admin.base import AppFilter, LookOnly
from migration.admin.display import as_json, code, link_to, visible
from migration.models import AuditLine

LONGEST_DATA = 80


@admin.register(AuditLine)
class AuditLineAdmin(LookOnly):
    """Who did what. The table itself refuses to be changed."""

    list_display = ("happened", "action", "who_in_short", "target_in_short", "owner", "data_in_short")
    list_filter = (AppFilter, "action", "at")
    search_fields = ("actor", "target", "action")
    id_fields = ("owner_id", "app_id")
    search_help_text = "Actor, action, target, or the beginning of an owner's or app's id"
    ordering = ("-id",)
    fields = ("happened", "action", "who", "what", "owner", "app", "all_data")
    readonly_fields = fields

    @admin.display(description="actor", ordering="actor")
    def who(self, line: AuditLine) -> str:
        """Show the actor."""
        return visible(line.actor)

    @admin.display(description="actor", ordering="actor")
    def who_in_short(self, line: AuditLine) -> str:
        """Show the actor's beginning."""
        return visible(line.actor, longest=24)

    @admin.display(description="target")
    def what(self, line: AuditLine) -> SafeString:
        """Show the target."""
        return code(line.target, longest=None)

    @admin.display(description="target", ordering="target")
    def target_in_short(self, line: AuditLine) -> SafeString:
        """Show the target's beginning: enough to tell ids apart."""
        return code(line.target, longest=18)

    @admin.display(description="owner")
    def owner(self, line: AuditLine) -> SafeString | str:
        """Link to the owner."""
        return link_to("owner", line.owner_id)

    @admin.display(description="app")
    def app(self, line: AuditLine) -> SafeString | str:
        """Link to the app."""
        return link_to("app", line.app_id)

    @admin.display(description="data")
    def data_in_short(self, line: AuditLine) -> str:
        """Show the data's beginning."""
        return visible(", ".join(f"{name}: {value}" for name, value in _items(line.data)), longest=LONGEST_DATA)

    @admin.display(description="data")
    def all_data(self, line: AuditLine) -> SafeString:
        """Show the data whole."""
        return as_json(line.data)


def _items(data: Any) -> list[tuple[str, Any]]:
    return list(data.items()) if isinstance(data, dict) else [("", data)]
