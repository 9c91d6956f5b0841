"""What the admin's pages share: nothing is added, changed or deleted by hand; ids are found by their beginning."""

import string
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

SHORTEST_ID = 4
"""Hex digits of an id somebody must know to find it."""


class LookOnly(admin.ModelAdmin):
    """A model that people read. What changes it are verbs with their own pages, never a form over its columns."""

    show_full_result_count = False
    list_per_page = 50
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
        found = _ids_beginning_with(search_term)
        if found is None or not self.id_fields:
            return super().get_search_results(request, queryset, search_term)
        within = Q()
        for field in self.id_fields:
            within |= Q(**{f"{field}__range": found})
        if not self.search_fields:
            return queryset.filter(within), False
        others, duplicates = super().get_search_results(request, queryset, search_term)
        return queryset.filter(within) | others, duplicates


def _ids_beginning_with(text: str) -> tuple[UUID, UUID] | None:
    """Return the lowest and highest UUID that begin with `text`; None when it is no beginning of one."""
    digits = text.strip().lower().replace("-", "")
    if not SHORTEST_ID <= len(digits) <= 32 or set(digits) - set(string.hexdigits):
        return None
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))


def actor_of(request: HttpRequest) -> str:
    """Return the user's name as audit lines have it."""
    return f"admin:{request.user.get_username()}"[:200]
