"""Owners and their devices."""

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from migration.admin import leaving
from migration.admin.aiming import aim_of
from migration.admin.base import AppFilter, LookOnly, actor_of
from migration.admin.display import NOTHING, code, joined, link, link_to, listed, number, short, visible
from migration.admin.going_back import Question, answer
from migration.errors import MigrationError
from migration.models import Device, Owner
from migration.orchestration import rolling_back

_LISTS = (
    ("migrationrun", "runs", "owner__id__exact"),
    ("device", "devices", "owner__id__exact"),
    ("rollbackpoint", "rollback points", "owner__id__exact"),
    ("rollback", "rollbacks", "owner__id__exact"),
    ("backup", "backups", "owner_id__exact"),
    ("quarantineentry", "quarantine", "owner_id__exact"),
    ("conflict", "conflicts", "owner_id__exact"),
    ("auditline", "audit log", "owner_id__exact"),
)


@admin.register(Owner)
class OwnerAdmin(LookOnly):
    """End users: accounts, and guests until an account adopts them."""

    list_display = ("short_id", "kind", "user_id", "app_link", "revision_number", "epoch", "created", "last_seen")
    list_filter = ("kind", AppFilter, "created_at")
    search_fields = ("=subject",)
    search_help_text = "The user's id in the app, or the beginning of the owner's id"
    list_select_related = ("app",)
    ordering = ("-created_at",)
    fields = (
        "id",
        "kind",
        "user_id",
        "app_link",
        "revision_number",
        "epoch",
        "off",
        "created",
        "last_seen",
        "more",
    )
    readonly_fields = fields
    change_form_template = "admin/migration/owner.html"

    def get_urls(self) -> list[URLPattern]:
        """Put the owner's own pages before Django's."""
        view = self.admin_site.admin_view
        return [
            path("<uuid:owner_id>/export/", view(self.export), name="migration_owner_export"),
            path("<uuid:owner_id>/on/", view(self.put_on), name="migration_owner_on"),
            path("<uuid:owner_id>/rollback/", view(self.roll_back), name="migration_owner_rollback"),
            path("<uuid:owner_id>/erase/", view(self.erase), name="migration_owner_erase"),
            *super().get_urls(),
        ]

    def export(self, request: HttpRequest, owner_id: UUID) -> HttpResponse | StreamingHttpResponse:
        """Hand out everything held of the owner."""
        return leaving.export(self, request, self.find(request, id=owner_id))

    def roll_back(self, request: HttpRequest, owner_id: UUID) -> HttpResponse:
        """Show what going back to a revision would do, in whole or in part; do it when the owner's id was typed."""
        self.demand(request)
        owner = self.find(request, id=owner_id)
        aim = aim_of(request, owner)
        named: dict[str, Any] = {"owner_id": owner_id, "revision": aim.revision, "within": aim.within}
        question = Question(
            title=f"Take owner {short(owner_id)} back",
            asks=f"Of this owner {aim.words} goes back to what it was at revision {number(aim.revision)}. Later edits "
            "are set aside in the conflict journal. Nothing in the browser is touched, and the rollback can be undone.",
            verb="Go back",
            word=short(owner_id),
            back_to=reverse("admin:migration_rollback_changelist") + f"?owner__id__exact={owner_id}",
            back_name="Rollbacks of this owner",
            preview=partial(rolling_back.preview_revision, **named),
            request=partial(rolling_back.request_revision_rollback, **named),
            facts=[("Owner", visible(str(owner))), ("Stands at revision", number(owner.revision))],
            aim=aim.fields,
            wrong=aim.wrong,
        )
        return answer(self, request, question)

    def erase(self, request: HttpRequest, owner_id: UUID) -> HttpResponse:
        """Erase the owner once its id was typed."""
        return leaving.erase(self, request, self.find(request, id=owner_id))

    @admin.display(description="owner", ordering="id")
    def short_id(self, owner: Owner) -> str:
        """Show the id's beginning."""
        return short(owner.id)

    @admin.display(description="user", ordering="subject")
    def user_id(self, owner: Owner) -> SafeString:
        """Show the user's id; of a guest it is a hash."""
        return code(owner.subject, longest=48)

    @admin.display(description="app", ordering="app__name")
    def app_link(self, owner: Owner) -> SafeString | str:
        """Link to the app."""
        return link_to("app", owner.app_id, visible(owner.app.name))

    @admin.display(description="revision", ordering="revision")
    def revision_number(self, owner: Owner) -> str:
        """Show the last revision given out."""
        return number(owner.revision)

    @admin.display(description="dual write")
    def off(self, owner: Owner) -> str:
        """Say whether a rollback took the owner off."""
        return "off since a rollback" if owner.switched_off else "as the app's stage says"

    def put_on(self, request: HttpRequest, owner_id: UUID) -> HttpResponse:
        """Put an owner on again that a rollback took off."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self.demand(request)
        self.find(request, id=owner_id)
        try:
            rolling_back.put_owner_on(owner_id=owner_id, actor=actor_of(request), at=timezone.now())
        except MigrationError as error:
            self.message_user(request, error.detail, messages.WARNING)
        return HttpResponseRedirect(reverse("admin:migration_owner_change", args=[owner_id]))

    @admin.display(description="of this owner")
    def more(self, owner: Owner) -> SafeString:
        """Link to the lists of what is the owner's."""
        records = link(f"{reverse('admin:migration_records')}?{urlencode({'owner': str(owner.id)})}", "records")
        return joined([records, *(listed(model, text, **{field: owner.id}) for model, text, field in _LISTS)])


@admin.register(Device)
class DeviceAdmin(LookOnly):
    """Browser profiles."""

    list_display = ("device", "owner_link", "browser", "fence", "created", "last_seen")
    list_filter = ("created_at",)
    search_fields = ("user_agent",)
    search_help_text = "Words of the browser's name, or the beginning of the id of a device or owner"
    id_fields = ("id", "key", "owner_id")
    list_select_related = ("owner",)
    ordering = ("-created_at",)
    fields = ("id", "key", "owner_link", "browser", "fence", "created", "last_seen", "runs")
    readonly_fields = fields

    @admin.display(description="device", ordering="key")
    def device(self, device: Device) -> str:
        """Show the beginning of the id its SDK made."""
        return short(device.key)

    @admin.display(description="owner")
    def owner_link(self, device: Device) -> SafeString | str:
        """Link to the owner."""
        return link_to("owner", device.owner_id, visible(str(device.owner), longest=24))

    @admin.display(description="browser", ordering="user_agent")
    def browser(self, device: Device) -> str:
        """Show what the browser calls itself."""
        return visible(device.user_agent) or NOTHING

    @admin.display(description="runs")
    def runs(self, device: Device) -> SafeString:
        """Link to the device's runs."""
        return listed("migrationrun", "runs of this device", device__id__exact=device.id)
