"""Conflicts: two values met for one key, and both are kept: shown to who asks, on the record; decided by a verb."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.db.models.functions import Left
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from migration.admin.base import AppFilter, Bounded, LookOnly, actor_of
from migration.admin.display import NOTHING, badge, code, link, link_to, moment, number, stacked, visible, visible_lines
from migration.admin.records import SHOWN, may_reveal
from migration.errors import MigrationError
from migration.models import Conflict, Owner
from migration.orchestration import deciding
from migration.orchestration.deciding import Decision
from migration.orchestration.revealing import reveal_conflict
from migration.values.digests import to_wire
from migration.values.lines import decode_line, encode_line, text_of

_SIDES = (("base", "What both grew from"), ("local", "What arrived"), ("remote", "What the server held"))
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

    list_display = ("id", "key", "collection_in_short", "state_badge", "decision", "why", "owner_link", "created")
    list_filter = ("state", OwnersAppFilter, "created_at")
    search_fields = ("=collection", "=policy")
    search_help_text = "Collection, policy, or the beginning of the id of an owner or run"
    id_fields = ("owner_id", "run_id")
    paginator = Bounded
    ordering = ("-id",)
    actions = ("restore_losers", "keep_winners")
    fields = (
        *("key", "collection_name", "state_badge", "policy_name", "winner_name", "why_in_full", "record", "revisions"),
        *("owner_link", "device_link", "run_link", "created", "chooser", "chosen"),
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
    def collection_in_short(self, conflict: Conflict) -> str:
        """Show the collection's beginning."""
        return visible(conflict.collection, longest=24)

    @admin.display(description="collection")
    def collection_name(self, conflict: Conflict) -> str:
        """Show the collection."""
        return visible(conflict.collection, longest=None)

    @admin.display(description="state", ordering="state")
    def state_badge(self, conflict: Conflict) -> SafeString:
        """Show whether it waits for somebody."""
        return badge(conflict.state)

    @admin.display(description="policy and winner", ordering="policy")
    def decision(self, conflict: Conflict) -> SafeString:
        """Show under which policy they met, and whose value is the record's."""
        return stacked(visible(conflict.policy), visible(conflict.winner))

    @admin.display(description="policy")
    def policy_name(self, conflict: Conflict) -> str:
        """Show under which policy they met."""
        return visible(conflict.policy)

    @admin.display(description="winner")
    def winner_name(self, conflict: Conflict) -> str:
        """Show whose value is the record's."""
        return visible(conflict.winner)

    @admin.display(description="reason")
    def why(self, conflict: Conflict) -> str:
        """Show the reason's beginning."""
        return visible(conflict.reason, longest=48)

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

    @admin.display(description="decided by")
    def chooser(self, conflict: Conflict) -> str:
        """Show who chose what; nobody where the policy did."""
        return f"{visible(conflict.decided_by)}: {conflict.choice}" if conflict.decided_by else NOTHING

    @admin.display(description="decided at")
    def chosen(self, conflict: Conflict) -> SafeString | str:
        """Show when somebody chose."""
        return moment(conflict.decided_at)

    def title_of(self, identifier: str) -> str:
        """Return what the conflict's page is called."""
        return f"Conflict {identifier}"

    # --- deciding several ----------------------------------------------------------------------------------

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Tell Django who is offered the actions."""
        return self.may_act(request)

    @admin.action(description="Restore the loser of each", permissions=["act"])
    def restore_losers(self, request: HttpRequest, conflicts: QuerySet[Conflict]) -> None:
        """Let the losers stand."""
        self._decide_many(request, conflicts, loser=True)

    @admin.action(description="Keep what stands, and close them", permissions=["act"])
    def keep_winners(self, request: HttpRequest, conflicts: QuerySet[Conflict]) -> None:
        """Let what stands stand."""
        self._decide_many(request, conflicts, loser=False)

    def _decide_many(self, request: HttpRequest, conflicts: QuerySet[Conflict], *, loser: bool) -> None:
        done, failed = deciding.decide_many(conflicts, loser=loser, actor=actor_of(request), at=timezone.now())
        self.message_user(request, f"{number(done)} decided.", messages.SUCCESS)
        if failed:
            self.message_user(request, f"{number(failed)} could not be: a side is not kept any more.", messages.WARNING)

    # --- one conflict --------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """Put our own pages before Django's."""
        view = self.admin_site.admin_view
        return [
            path("<int:conflict_id>/reveal/", view(self.reveal), name="migration_conflict_reveal"),
            path("<int:conflict_id>/decide/", view(self.decide), name="migration_conflict_decide"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the conflict without its values."""
        may = {"may_reveal": may_reveal(request)}
        return super().change_view(request, object_id, form_url, {**may, **(extra_context or {})})

    def reveal(self, request: HttpRequest, conflict_id: int) -> HttpResponse:
        """Write who looks, and show all sides in the answer itself: they have no address of their own."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self.demand(request, act=False)
        if not may_reveal(request):
            raise PermissionDenied
        conflict = self.find(request, id=conflict_id)
        sides = reveal_conflict(
            owner_id=conflict.owner_id, conflict_id=conflict_id, actor=actor_of(request), at=timezone.now()
        )
        told = [(title, *_shown(getattr(sides, name))) for name, title in _SIDES]
        request.method = "GET"
        response = self.change_view(request, str(conflict_id), extra_context={"sides": told})
        response["Cache-Control"] = "no-store"
        return response

    def decide(self, request: HttpRequest, conflict_id: int) -> HttpResponse:
        """Let one side stand, the loser, or a value of the operator's own."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self.demand(request)
        conflict = self.find(request, id=conflict_id)
        try:
            deciding.decide(
                owner_id=conflict.owner_id,
                conflict_id=conflict_id,
                decision=_decision(request, conflict),
                actor=actor_of(request),
                at=timezone.now(),
            )
        except MigrationError as error:
            self.message_user(request, visible(error.detail, longest=500), messages.ERROR)
        else:
            self.message_user(request, "Decided; every device is told.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:migration_conflict_change", args=[conflict_id]))


def _decision(request: HttpRequest, conflict: Conflict) -> Decision:
    choice = request.POST.get("choice", "")
    if choice == "custom":
        # What a form makes of the ends of lines is undone: values are JSON or text with plain newlines.
        value = request.POST.get("value", "").replace("\r\n", "\n")
        return Decision("custom", encode_line(text_of(conflict.key_json), value).decode())
    if choice == "local":
        return Decision("local")
    return Decision("remote") if choice == "remote" else deciding.restore_loser(conflict)


def _shown(line: str | None) -> tuple[str, bool]:
    """Return a side to look at, and whether it was cut."""
    if line is None:
        return "(not kept)", False
    value = decode_line(line.encode()).value
    return ("(a deletion)", False) if value is None else (visible_lines(value[:SHOWN]), len(value) > SHOWN)
