"""Apps: their keys, origins and settings."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.postgres.forms import SimpleArrayField
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from migration import progress
from migration.admin.base import LookOnly, actor_of
from migration.admin.display import NOTHING, badge, code, joined, link, listed, visible
from migration.config import OF_AN_APP
from migration.cutover import requests_of
from migration.errors import MigrationError
from migration.lifecycle import audit
from migration.models import App, AppSecret
from migration.orchestration.tenancy import OriginInvalid, add_secret, create_app, normal_origin, revoke_secret

_LISTS = (
    ("migrationrun", "runs"),
    ("owner", "owners"),
    ("apppoint", "points of the whole app"),
    ("approllback", "rollbacks of the whole app"),
    ("auditline", "audit log"),
)


POLICIES = ("AUTO_MERGE", "AUTO_OVERWRITE", "AUTO_SKIP", "INTERACTIVE")


def _lines(help_text: str) -> SimpleArrayField:
    return SimpleArrayField(
        forms.CharField(required=False),
        delimiter="\n",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
        help_text=help_text,
    )


class AppForm(forms.ModelForm):
    """The settings of an app that may be edited; stage, epoch and keys have verbs of their own."""

    conflict_policy = forms.ChoiceField(choices=[(policy, policy) for policy in POLICIES], initial=POLICIES[0])
    allowed_origins = _lines("Exact origins whose pages may call the API (https://app.example.com), one per line.")
    exclude = _lines("Patterns of keys that stay in the browser, one per line; * stands for anything.")
    allow_sensitive = _lines("Patterns of keys that may travel although they look like secrets, one per line.")

    class Meta:
        model = App
        fields = (
            "name",
            "slug",
            "allowed_origins",
            "guests_allowed",
            "is_active",
            "collections",
            "exclude",
            "allow_sensitive",
            "conflict_policy",
            "max_entry_bytes",
            "backup_days",
            "limits",
            "staff",
        )
        widgets = {
            "collections": forms.Textarea(attrs={"rows": 6, "cols": 80}),
            "limits": forms.Textarea(attrs={"rows": 4, "cols": 80}),
            "max_entry_bytes": forms.NumberInput(attrs={"class": "vTextField"}),
            "backup_days": forms.NumberInput(attrs={"class": "vTextField"}),
        }

    def clean_allowed_origins(self) -> list[str]:
        """Write origins as browsers write them; refuse what is none."""
        try:
            return [normal_origin(origin) for origin in filter(None, self.cleaned_data["allowed_origins"])]
        except OriginInvalid as error:
            raise forms.ValidationError(error.detail) from error

    def clean_exclude(self) -> list[str]:
        """Leave empty lines out."""
        return list(filter(None, self.cleaned_data["exclude"]))

    def clean_allow_sensitive(self) -> list[str]:
        """Leave empty lines out."""
        return list(filter(None, self.cleaned_data["allow_sensitive"]))

    def clean_limits(self) -> dict[str, int]:
        """Refuse names no limit has, and what is no whole number from 0."""
        limits, known = self.cleaned_data["limits"] or {}, sorted(name.lower() for name in OF_AN_APP)
        numbers = isinstance(limits, dict) and all(type(one) is int and one >= 0 for one in limits.values())
        if not numbers or set(limits) - set(known):
            raise forms.ValidationError(f'{{"name": whole number}}; names are {", ".join(known)}.')
        return limits

    def clean_collections(self) -> list[dict[str, Any]]:
        """Refuse collections the SDK could not read."""
        collections = self.cleaned_data["collections"] or []
        if not isinstance(collections, list) or not all(map(_is_collection, collections)):
            raise forms.ValidationError(
                'A list of {"name": text, "patterns": [text, …]}, names not empty and different.'
            )
        if len({one["name"] for one in collections}) != len(collections):
            raise forms.ValidationError("Two collections have the same name.")
        return collections


def _is_collection(one: Any) -> bool:
    if not isinstance(one, dict) or not one.get("name") or not isinstance(one["name"], str):
        return False
    patterns = one.get("patterns")
    texts = isinstance(patterns, list) and bool(patterns) and all(isinstance(text, str) and text for text in patterns)
    return texts and not set(one) - {"name", "patterns", "conflict_policy", "type"}


_NAME: tuple[str | None, Any] = (None, {"fields": ("name", "slug", "is_active", "guests_allowed")})
_COLLECTIONS: tuple[str | None, Any] = (
    "Collections",
    {"fields": ("collections", "conflict_policy", "exclude", "allow_sensitive", "max_entry_bytes", "backup_days")},
)
_OF_SUPERUSERS: tuple[str | None, Any] = (
    "Who sees it here, and how much it may send",
    {"fields": ("staff", "limits")},
)
_FIELDSETS_OF_A_NEW_ONE = (_NAME, ("Who may call", {"fields": ("allowed_origins",)}), _COLLECTIONS)


@admin.register(App)
class AppAdmin(LookOnly):
    """Tenants."""

    form = AppForm
    list_display = ("name_shown", "slug", "key", "active", "stage_badge", "origins", "guests_allowed", "created")
    list_filter = ("is_active", "stages__stage", "guests_allowed")
    search_fields = ("name", "slug", "publishable_key")
    search_help_text = "Name, slug, publishable key, or the beginning of the id"
    ordering = ("name",)
    readonly_fields = ("id", "key", "stage_badge", "epoch", "namespace", "created", "more")
    change_form_template = "admin/migration/app.html"
    fieldsets = (
        _NAME,
        ("Who may call", {"fields": ("key", "allowed_origins")}),
        _COLLECTIONS,
        ("Where it stands", {"fields": ("stage_badge", "epoch", "namespace", "id", "created", "more")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[App]:
        """Bring the stages along, which every line of the list shows."""
        return super().get_queryset(request).prefetch_related("stages")

    # --- what may be edited ---------------------------------------------------------------------------------

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let an app be made here."""
        return request.user.has_perm("migration.add_app")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let an app's settings be edited here."""
        return self.may_act(request)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Ask of a new app only what can be said of it."""
        shown = _FIELDSETS_OF_A_NEW_ONE if obj is None else super().get_fieldsets(request, obj)
        return [*shown, _OF_SUPERUSERS] if request.user.is_superuser else shown

    def save_model(self, request: HttpRequest, obj: App, form: Any, change: bool) -> None:
        """Write the app and its audit line in one transaction; a new one through the conductor's verb."""
        actor, at = actor_of(request), timezone.now()
        if not change:
            apart = ("allowed_origins", "staff")
            given = {name: value for name, value in form.cleaned_data.items() if name not in apart}
            made = create_app(origins=form.cleaned_data["allowed_origins"], at=at, actor=actor, **given)
            obj.pk, obj.publishable_key = made.pk, made.publishable_key
            obj._state.adding = False  # noqa: SLF001 - Django logs the addition of what was just made
            return
        with transaction.atomic():
            current = App.objects.select_for_update(no_key=True).get(pk=obj.pk)
            given = {name: value for name, value in form.cleaned_data.items() if name != "staff"}
            # Only what differs: the rest may have moved since the form was opened.
            columns = {name: value for name, value in given.items() if getattr(current, name) != value}
            if not columns:
                return
            edited = sorted(columns)
            if columns.get("is_active") is False:
                # A migration disabled is a new epoch: what browsers do under the old one is refused.
                columns["epoch"] = current.epoch + 1
            App.objects.filter(pk=obj.pk).update(**columns)
            if "epoch" in columns:
                progress.announce_app_epoch(obj.pk, columns["epoch"])
            audit(actor=actor, action="app_changed", target=obj.pk, at=at, app_id=obj.pk, data={"fields": edited})

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Write who is staff of the app, with an audit line."""
        app, before = form.instance, set(form.instance.staff.values_list("username", flat=True))
        super().save_related(request, form, formsets, change)
        after = set(app.staff.values_list("username", flat=True))
        if before != after:
            data = {"added": sorted(after - before), "removed": sorted(before - after)}
            actor, at = actor_of(request), timezone.now()
            audit(actor=actor, action="app_staff_changed", target=app.pk, at=at, app_id=app.pk, data=data)

    # --- the list and the page ------------------------------------------------------------------------------

    @admin.display(description="app", ordering="name")
    def name_shown(self, app: App) -> str:
        """Show the name."""
        return visible(app.name, longest=60)

    @admin.display(description="publishable key", ordering="publishable_key")
    def key(self, app: App) -> SafeString:
        """Show the publishable key."""
        return code(app.publishable_key)

    @admin.display(description="on", ordering="is_active", boolean=True)
    def active(self, app: App) -> bool:
        """Tell whether the app is switched on."""
        return app.is_active

    @admin.display(description="stage")
    def stage_badge(self, app: App) -> SafeString:
        """Show the stage, and those of collections that have one of their own."""
        requests = requests_of(app)
        own = [format_html("{} {}", visible(name, longest=40), badge(one.stage)) for name, one in requests.own.items()]
        return joined([badge(requests.rest.stage), *([badge("panic")] if requests.panic else []), *own])

    @admin.display(description="origins")
    def origins(self, app: App) -> str:
        """Show the allowed origins."""
        return visible(", ".join(app.allowed_origins), longest=80) or NOTHING

    @admin.display(description="of this app")
    def more(self, app: App) -> SafeString:
        """Link to the lists of what is the app's."""
        fields = {"auditline": "app_id__exact"}
        links = [listed(model, text, **{fields.get(model, "app__id__exact"): app.id}) for model, text in _LISTS]
        records = link(f"{reverse('admin:migration_records')}?{urlencode({'app': str(app.id)})}", "records")
        figures = link(f"{reverse('admin:index')}?{urlencode({'app': str(app.id)})}", "dashboard")
        point = link(reverse("admin:migration_apppoint_make", args=[app.id]), "make a point of the whole app…")
        pages = [
            link(reverse(f"admin:migration_{name}", args=[app.id]), name) for name in ("cutover", "gates", "fleet")
        ]
        return joined([figures, *pages, records, *links, point])

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the app with its secret keys' names."""
        app = self.get_object(request, object_id)
        secrets = list(app.secrets.order_by("-created_at")) if app is not None else []
        named = {"title": visible(app.name, longest=60)} if app is not None else {}
        return super().change_view(request, object_id, form_url, {"secrets": secrets, **named, **(extra_context or {})})

    # --- secret keys ----------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """Put the app's own pages before Django's."""
        view = self.admin_site.admin_view
        return [
            path("<uuid:app_id>/secrets/", view(self.make_secret), name="migration_app_secret"),
            path("<uuid:app_id>/secrets/<uuid:secret_id>/revoke/", view(self.revoke), name="migration_app_revoke"),
            *super().get_urls(),
        ]

    def make_secret(self, request: HttpRequest, app_id: UUID) -> HttpResponse:
        """Make a secret key and show it, this once, in the answer itself: messages would keep it in a session."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self.demand(request)
        app = self.find(request, id=app_id)
        try:
            plain = add_secret(app=app, at=timezone.now(), actor=actor_of(request))
        except MigrationError as error:
            self.message_user(request, error.detail, messages.WARNING)
            return self._back(app_id)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": "New secret key",
            "app": app,
            "plain": plain,
        }
        return TemplateResponse(request, "admin/migration/secret.html", context, headers={"Cache-Control": "no-store"})

    def revoke(self, request: HttpRequest, app_id: UUID, secret_id: UUID) -> HttpResponse:
        """Revoke a secret key."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self.demand(request)
        secret = get_object_or_404(AppSecret, id=secret_id, app=self.find(request, id=app_id))
        revoke_secret(secret=secret, at=timezone.now(), actor=actor_of(request))
        self.message_user(request, f"{secret} is revoked: tokens signed with it are refused from now on.")
        return self._back(app_id)

    def _back(self, app_id: UUID) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:migration_app_change", args=[app_id]))
