"""Conflicts: two values met for one key. What lost is kept; it is shown only as the answer to an audited question."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.db.models.functions import Left
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from migration.admin.base import AppFilter, Bounded, LookOnly, actor_of
from migration.admin.display import badge, code, link, link_to, number, visible, visible_lines
from migration.admin.records import SHOWN, may_reveal
from migration.models import Conflict, Owner
from migration.orchestration.revealing import reveal_loser
from migration.values.digests import to_wire

KEY_CHARACTERS = 600
"""Of a key's literal read: it may have megabytes."""


class OwnersAppFilter(AppFilter):
    """By the app of the owner: conflicts name no app."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep what is of the chosen app."""
        if not self.value():
            return queryset
        try:
            owners = Owner.objects.filter(app_id=UUID(self.value() or ""))
        except ValueError as error:
            raise IncorrectLookupParameters from error
        return queryset.filter(owner_id__in=owners.values("id"))


@admin.register(Conflict)
class ConflictAdmin(LookOnly):
    """What met, who won and why."""

    list_display = (
        "key",
        "collection_name",
        "state_badge",
        "policy_name",
        "winner_name",
        "why",
        "owner_link",
        "created",
    )
    list_filter = ("state", OwnersAppFilter, "created_at")
    search_fields = ("=collection", "=policy")
    search_help_text = "Collection, policy, or the beginning of the id of an owner or run"
    id_fields = ("owner_id", "run_id")
    paginator = Bounded
    ordering = ("-id",)
    fields = (
        *("key", "collection_name", "state_badge", "policy_name", "winner_name", "why_in_full", "record", "revisions"),
        *("owner_link", "device_link", "run_link", "created"),
    )
    readonly_fields = fields
    change_form_template = "admin/migration/conflict.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conflict]:
        """Leave the values where they are, and all of a key but its beginning."""
        conflicts: QuerySet[Conflict] = super().get_queryset(request).defer("loser_value", "key_json")
        return conflicts.annotate(beginning=Left("key_json", KEY_CHARACTERS))

    @admin.display(description="key")
    def key(self, conflict: Conflict) -> SafeString:
        """Show the key as the JSON literal it is."""
        return code(conflict.beginning)  # type: ignore[attr-defined]

    @admin.display(description="collection", ordering="collection")
    def collection_name(self, conflict: Conflict) -> str:
        """Show the collection."""
        return visible(conflict.collection, longest=40)

    @admin.display(description="state", ordering="state")
    def state_badge(self, conflict: Conflict) -> SafeString:
        """Show whether it waits for somebody."""
        return badge(conflict.state)

    @admin.display(description="policy", ordering="policy")
    def policy_name(self, conflict: Conflict) -> str:
        """Show under which policy they met."""
        return visible(conflict.policy)

    @admin.display(description="winner", ordering="winner")
    def winner_name(self, conflict: Conflict) -> str:
        """Show whose value is the record's."""
        return visible(conflict.winner)

    @admin.display(description="reason")
    def why(self, conflict: Conflict) -> str:
        """Show the reason's beginning."""
        return visible(conflict.reason, longest=80)

    @admin.display(description="reason")
    def why_in_full(self, conflict: Conflict) -> str:
        """Show the whole reason."""
        return visible(conflict.reason, longest=None)

    @admin.display(description="record")
    def record(self, conflict: Conflict) -> SafeString:
        """Link to the record, where its own value can be revealed."""
        name = to_wire(bytes(conflict.key_hash))
        there = reverse("admin:migration_record", args=[conflict.owner_id, name])
        return link(f"{there}?{urlencode({'in': conflict.namespace})}", name[:8])

    @admin.display(description="revision")
    def revisions(self, conflict: Conflict) -> str:
        """Show the record's revision after the decision, and the one the loser grew from where that is known."""
        base = conflict.base_revision
        return f"{number(conflict.record_revision)}{f', based on {number(base)}' if base is not None else ''}"

    @admin.display(description="owner")
    def owner_link(self, conflict: Conflict) -> SafeString | str:
        """Link to the owner."""
        return link_to("owner", conflict.owner_id)

    @admin.display(description="loser's device")
    def device_link(self, conflict: Conflict) -> SafeString | str:
        """Link to the device whose value lost."""
        return link_to("device", conflict.loser_device_id)

    @admin.display(description="run")
    def run_link(self, conflict: Conflict) -> SafeString | str:
        """Link to the run that brought it."""
        return link_to("migrationrun", conflict.run_id)

    # --- what lost ------------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the conflict without the value that lost."""
        may = {"may_reveal": may_reveal(request)}
        return super().change_view(request, object_id, form_url, {**may, **(extra_context or {})})

    def title_of(self, identifier: str) -> str:
        """Return what the conflict's page is called."""
        return f"Conflict {identifier}"

    def get_urls(self) -> list[URLPattern]:
        """Put the question for the value before Django's pages."""
        view = self.admin_site.admin_view(self.reveal)
        return [path("<int:conflict_id>/reveal/", view, name="migration_conflict_reveal"), *super().get_urls()]

    def reveal(self, request: HttpRequest, conflict_id: int) -> HttpResponse:
        """Write who looks, and show the value that lost in the answer itself: it has no address of its own."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self.demand(request, act=False)
        if not may_reveal(request):
            raise PermissionDenied
        conflict = self.find(request, id=conflict_id)
        value = reveal_loser(conflict=conflict, actor=actor_of(request), at=timezone.now())
        shown = {
            "revealed": "(a deletion)" if value is None else visible_lines(value[:SHOWN]),
            "revealed_cut": value is not None and len(value) > SHOWN,
        }
        request.method = "GET"
        response = self.change_view(request, str(conflict_id), extra_context=shown)
        response["Cache-Control"] = "no-store"
        return response
