"""What the admin's pages share: nothing is added, changed or deleted by hand; ids are found by their beginning."""

import string
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.functional import cached_property
from django.utils.safestring import SafeString

from migration.admin.display import moment, short, visible
from migration.admin.reach import within_reach
from migration.models import App

# The one place that knows whether there is a theme.
if TYPE_CHECKING or not apps.is_installed("unfold"):
    ThemedAdmin = admin.ModelAdmin
else:
    from unfold.admin import ModelAdmin as ThemedAdmin

SHORTEST_ID = 4
"""Hex digits of an id somebody must know to find it."""


COUNTED = 10_000
"""Newest rows counted, of a list or of groups above one: all of a million would keep the page waiting."""


class Bounded(Paginator):
    """Pages of the newest rows only: to count a million of them takes longer than to look at a page."""

    @cached_property
    def count(self) -> int:
        """Count to a bound."""
        rows: Any = self.object_list
        return int(rows.order_by()[:COUNTED].values("id").count())


class LookOnly(ThemedAdmin):
    """A model that people read. What changes it are verbs with their own pages, never a form over its columns."""

    show_full_result_count = False
    list_per_page = 50
    change_form_template = "admin/migration/look.html"
    # Columns that hold ids and are searched by their beginning.
    id_fields: tuple[str, ...] = ("id",)

    class Media:
        css = {"all": ("migration/admin.css",)}

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds one by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody edits one by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody deletes one by hand: erasing an owner is a verb of its own."""
        return False

    # --- what staff of an app may see -----------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows within the user's reach. Every page and verb finds its object among these (`find`)."""
        return within_reach(super().get_queryset(request), user=request.user)

    def find(self, request: HttpRequest, **by: Any) -> Any:
        """Return one object within the user's reach; any other is answered 404."""
        return get_object_or_404(self.get_queryset(request), **by)

    # --- moments, in one form everywhere --------------------------------------------------------------------

    @admin.display(description="created", ordering="created_at")
    def created(self, one: Any) -> SafeString | str:
        """Show when it was made."""
        return moment(one.created_at)

    @admin.display(description="last seen", ordering="last_seen_at")
    def last_seen(self, one: Any) -> SafeString | str:
        """Show when it was last heard of."""
        return moment(one.last_seen_at)

    @admin.display(description="finished", ordering="finished_at")
    def finished(self, one: Any) -> SafeString | str:
        """Show when it ended."""
        return moment(one.finished_at)

    @admin.display(description="found sound", ordering="verified_at")
    def verified(self, one: Any) -> SafeString | str:
        """Show when it was last verified."""
        return moment(one.verified_at)

    @admin.display(description="at", ordering="at")
    def happened(self, one: Any) -> SafeString | str:
        """Show when it happened."""
        return moment(one.at)

    def title_of(self, identifier: str) -> str:
        """Return what a page is called; Django would take the object's own words, which may be a user's."""
        return f"{str(self.opts.verbose_name).capitalize()} {short(identifier)}"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the object under a title of ours."""
        named = {"title": self.title_of(object_id), "subtitle": None, "may_act": self.may_act(request)}
        return super().change_view(request, object_id, form_url, {**named, **(extra_context or {})})

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *given: Any, **named: Any) -> Any:
        """Let templates that name the object use the page's title."""
        response = super().render_change_form(request, context, *given, **named)
        if context.get("original") is not None:
            context["original"] = Titled(context["original"], str(context.get("title", "")))
        return response

    def may_act(self, request: HttpRequest) -> bool:
        """Tell whether the user may use this model's verbs: Django's change permission, which forms here never use."""
        return request.user.has_perm(f"migration.change_{self.opts.model_name}")

    def demand(self, request: HttpRequest, *, act: bool = True) -> None:
        """Raise PermissionDenied unless the user may look, and act if asked."""
        if not self.has_view_permission(request) or (act and not self.may_act(request)):
            raise PermissionDenied

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search ids by their beginning, and the other fields as Django does."""
        found = ids_beginning_with(search_term)
        if found is None or not self.id_fields:
            return super().get_search_results(request, queryset, search_term)
        within = Q()
        for field in self.id_fields:
            within |= Q(**{f"{field}__gte": found[0], f"{field}__lte": found[1]})
        if not self.search_fields:
            return queryset.filter(within), False
        others, duplicates = super().get_search_results(request, queryset, search_term)
        return queryset.filter(within) | others, duplicates


class Titled:
    """An object under another name: its own words may be a user's."""

    def __init__(self, one: Model, title: str) -> None:
        self._one = one
        self._title = title

    def __getattr__(self, name: str) -> Any:
        return getattr(self._one, name)

    def __str__(self) -> str:
        return self._title


class AppFilter(admin.SimpleListFilter):
    """By app. Django's own filter would show names as they are, and all of them."""

    title = "app"
    parameter_name = "app__id__exact"
    most = 100

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the first apps by name."""
        apps = within_reach(App.objects.order_by("name"), user=request.user).values_list("id", "name")
        return [(str(app_id), visible(name, longest=40)) for app_id, name in apps[: self.most]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep what is of the chosen app."""
        try:
            return queryset.filter(app_id=UUID(self.value() or "")) if self.value() else queryset
        except ValueError as error:
            raise IncorrectLookupParameters from error


def ids_beginning_with(text: str) -> tuple[UUID, UUID] | None:
    """Return the lowest and highest UUID that begin with `text`; None when it is no beginning of one."""
    digits = text.strip().lower().replace("-", "")
    if not SHORTEST_ID <= len(digits) <= 32 or set(digits) - set(string.hexdigits):
        return None
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))


def actor_of(request: HttpRequest) -> str:
    """Return the user's name as audit lines have it."""
    return f"admin:{request.user.get_username()}"[:200]
