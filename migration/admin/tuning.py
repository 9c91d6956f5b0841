"""Settings changed while everything runs: what each is, what it means, and who changed it."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from migration.admin.base import LookOnly, actor_of
from migration.admin.display import code, visible
from migration.errors import MigrationError
from migration.models import Tuning
from migration.orchestration.throttling import breakers, throttle
from migration.orchestration.tuning import standing, tune, untune

_LONGEST = 200


@admin.register(Tuning)
class TuningAdmin(LookOnly):
    """The list shows what was changed and, above it, a form for each setting that can be; superusers alone see it."""

    list_display = ("setting", "now", "who", "happened")
    search_fields = ("name",)
    id_fields = ()
    ordering = ("name",)
    fields = ("setting", "now", "who", "happened")
    readonly_fields = fields
    change_list_template = "admin/migration/tunings.html"

    @admin.display(description="setting", ordering="name")
    def setting(self, one: Tuning) -> Any:
        """Show its name."""
        return code(one.name)

    @admin.display(description="value")
    def now(self, one: Tuning) -> Any:
        """Show what it is."""
        return code(one.value)

    @admin.display(description="actor", ordering="actor")
    def who(self, one: Tuning) -> str:
        """Show who changed it."""
        return visible(one.actor, longest=60)

    def title_of(self, identifier: str) -> str:
        """Return what the page is called."""
        return f"Setting {visible(identifier, longest=64)}"

    def get_urls(self) -> list[URLPattern]:
        """Put the verb's address before Django's."""
        return [path("set/", self.admin_site.admin_view(self.set), name="migration_tuning_set"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show all that can be changed, and whether there is room right now."""
        mine = request.user.is_superuser
        extra = {
            "settings": standing() if mine else [],
            "room": throttle.verdict(),
            "breakers": breakers(),
            "may_act": mine,
        }
        return super().changelist_view(request, {**extra, **(extra_context or {})})

    def set(self, request: HttpRequest) -> HttpResponse:
        """Change a setting, or give it back to the environment."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self.demand(request, act=False)
        if not request.user.is_superuser:
            return HttpResponse(status=403)
        name = request.POST.get("name", "")[:_LONGEST]
        value = request.POST.get("value", "")[:_LONGEST]
        given: dict[str, Any] = {"actor": actor_of(request), "at": timezone.now()}
        try:
            if "reset" in request.POST:
                untune(name, **given)
            else:
                tune(name, value, **given)
        except MigrationError as error:
            self.message_user(request, visible(error.detail, longest=_LONGEST), messages.ERROR)
        else:
            self.message_user(request, "Changed; every process knows within seconds.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:migration_tuning_changelist"))
