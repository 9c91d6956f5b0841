"""Quarantine: what was refused and why. Values stay hidden until somebody reveals one, which is audited."""

import json
import re
from collections import Counter
from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import BinaryField, Func, IntegerField, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.safestring import SafeString

from migration.admin import causes
from migration.admin.base import COUNTED, Bounded, LookOnly, actor_of
from migration.admin.display import NOTHING, badge, code, link_to, number, size, visible, visible_lines
from migration.admin.reach import within_reach
from migration.lifecycle import audit
from migration.models import QuarantineEntry
from migration.orchestration.quarantine import Cause
from migration.states import QuarantineState
from migration.values.lines import decode_line

KEY_BYTES = 600
"""Bytes of a line read to show its key: a value may have megabytes."""
SHOWN = 20_000
"""Characters of a revealed value shown."""
GROUPS = 20
_CHANGED_BY_FORMS = re.compile("[\x00\r\ud800-\udfff]")
"""What a form cannot give back as it got it."""


class CodeFilter(admin.SimpleListFilter):
    """By code, of those seen lately. Django's own filter reads the whole table to list them."""

    title = "code"
    parameter_name = "code__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the codes of the newest entries within the user's reach."""
        newest = within_reach(QuarantineEntry.objects.order_by("-id"), user=request.user)
        codes = set(newest.values_list("code", flat=True)[:COUNTED])
        return [(one, visible(one, longest=40)) for one in sorted(codes)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[QuarantineEntry]) -> QuerySet[QuarantineEntry]:
        """Keep what was refused with the chosen code."""
        return queryset.filter(code=self.value()) if self.value() else queryset


@admin.register(QuarantineEntry)
class QuarantineEntryAdmin(LookOnly):
    """Refused entries, grouped by cause above the list."""

    list_display = (
        "id",
        "reason",
        "collection_name",
        "key",
        "detail_in_short",
        "run_link",
        "state_badge",
        "created",
    )
    list_filter = ("state", CodeFilter, "created_at")
    paginator = Bounded
    search_fields = ("code", "collection", "detail")
    search_help_text = "Code, collection, words of the reason, or the beginning of the id of a run or owner"
    id_fields = ("run_id", "owner_id")
    ordering = ("-id",)
    fields = (
        "reason",
        "detail_in_full",
        "path_shown",
        "key",
        "collection_name",
        "state_badge",
        "line_size",
        "run_link",
        "owner_link",
        "place",
        "created",
    )
    readonly_fields = fields
    change_list_template = "admin/migration/quarantine_list.html"
    change_form_template = "admin/migration/quarantine_entry.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[QuarantineEntry]:
        """Read the beginning of each line only."""
        entries: QuerySet[QuarantineEntry] = super().get_queryset(request).defer("line")
        return entries.annotate(
            beginning=Func("line", 1, KEY_BYTES, function="substring", output_field=BinaryField()),
            line_bytes=Func("line", function="octet_length", output_field=IntegerField()),
        )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Put the groups above the list, counted over what the filters let through."""
        response = super().changelist_view(request, extra_context)
        if isinstance(response, TemplateResponse) and response.context_data and "cl" in response.context_data:
            response.context_data["groups"] = _groups(response.context_data["cl"].queryset)
        return response

    @admin.display(description="code", ordering="code")
    def reason(self, entry: QuarantineEntry) -> SafeString:
        """Show the stable code."""
        return code(entry.code)

    @admin.display(description="collection", ordering="collection")
    def collection_name(self, entry: QuarantineEntry) -> str:
        """Show the collection."""
        return visible(entry.collection, longest=40)

    @admin.display(description="key")
    def key(self, entry: QuarantineEntry) -> SafeString:
        """Show the key as the JSON literal it came as."""
        return code(_key_of(bytes(entry.beginning)))  # type: ignore[attr-defined]

    @admin.display(description="reason")
    def detail_in_short(self, entry: QuarantineEntry) -> str:
        """Show the reason's beginning."""
        return visible(entry.detail, longest=80)

    @admin.display(description="reason")
    def detail_in_full(self, entry: QuarantineEntry) -> str:
        """Show the reason."""
        return visible(entry.detail, longest=None)

    @admin.display(description="where in the value")
    def path_shown(self, entry: QuarantineEntry) -> str:
        """Show the path within the value."""
        return visible(entry.path) or NOTHING

    @admin.display(description="size of the entry")
    def line_size(self, entry: QuarantineEntry) -> str:
        """Show how large the entry is."""
        return size(entry.line_bytes)  # type: ignore[attr-defined]

    @admin.display(description="run")
    def run_link(self, entry: QuarantineEntry) -> SafeString | str:
        """Link to the run."""
        return link_to("migrationrun", entry.run_id)

    @admin.display(description="owner")
    def owner_link(self, entry: QuarantineEntry) -> SafeString | str:
        """Link to the owner."""
        return link_to("owner", entry.owner_id)

    @admin.display(description="place")
    def place(self, entry: QuarantineEntry) -> str:
        """Tell where in the upload it stood."""
        return f"entry {number(entry.ordinal)} of chunk {entry.chunk_id}, sequence {entry.seq}"

    @admin.display(description="state", ordering="state")
    def state_badge(self, entry: QuarantineEntry) -> SafeString:
        """Show the state."""
        return badge(entry.state)

    def get_urls(self) -> list[URLPattern]:
        """Put our own pages before Django's."""
        view = self.admin_site.admin_view
        return [
            path("cause/", view(self.cause), name="migration_quarantineentry_cause"),
            path("<int:entry_id>/reveal/", view(self.reveal), name="migration_quarantineentry_reveal"),
            path("<int:entry_id>/edit/", view(self.edit), name="migration_quarantineentry_edit"),
            *super().get_urls(),
        ]

    def cause(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """Show entries that are alike, and do what was asked with them."""
        return causes.show(self, request)

    def edit(self, request: HttpRequest, entry_id: int) -> HttpResponse:
        """Show what an edited value would come to, and replay it."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self.demand(request)
        return causes.edit(self, request, self.find(request, id=entry_id))

    def title_of(self, identifier: str) -> str:
        """Return what the entry's page is called."""
        return f"Quarantined entry {identifier}"

    def reveal(self, request: HttpRequest, entry_id: int) -> HttpResponse:
        """Write the audit line and, in its transaction, show the entry's value."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self.demand(request)
        with transaction.atomic():
            entry = self.find(request, id=entry_id)
            audit(
                actor=actor_of(request),
                action="value_revealed",
                target=f"quarantine {entry.id}",
                at=timezone.now(),
                app_id=entry.run.app_id,
                owner_id=entry.owner_id,
                data={"run": str(entry.run_id), "code": entry.code},
            )
        revealed = {
            "revealed": _value_of(bytes(entry.line)),
            "revealed_cut": len(entry.line) > SHOWN,
            "editable": _editable(entry),
        }
        # The page is the same one, shown as the answer: a revealed value is never at an address of its own.
        request.method = "GET"
        response = self.change_view(request, str(entry_id), extra_context=revealed)
        response["Cache-Control"] = "no-store"
        return response


def _editable(entry: QuarantineEntry) -> str | None:
    """Return the value for a form, None where a form could not give it back as it is."""
    value = decode_line(bytes(entry.line)).value
    if entry.state != QuarantineState.OPEN or value is None or len(value) > SHOWN:
        return None
    return None if _CHANGED_BY_FORMS.search(value) else value


def _groups(entries: QuerySet[QuarantineEntry]) -> list[dict[str, Any]]:
    # Counted here: Postgres would look each of them up again by its id.
    named = entries.order_by("-id").values_list("app_id", "code", "collection", "path", "state")
    counted = Counter(named[:COUNTED]).most_common(GROUPS)
    return [
        {
            "code": visible(reason),
            "collection": visible(collection, longest=40),
            "badge": badge(state),
            "many": number(many),
            "path": visible(path, longest=40),
            "address": causes.address(Cause(app_id, reason, collection, path)),
        }
        for (app_id, reason, collection, path, state), many in counted
    ]


def _key_of(beginning: bytes) -> str:
    """Return the key's JSON literal out of a line's beginning, or that beginning when the key does not end in it."""
    text = beginning.decode(errors="replace")
    if not text.startswith('["'):
        return "(no key)"
    try:
        _, end = json.JSONDecoder().raw_decode(text, 1)
    except ValueError:
        return text[1:]
    return text[1:end]


def _value_of(line: bytes) -> str:
    """Return an entry's value to look at; the line itself where it is no entry."""
    try:
        parts = json.loads(line)
        value = parts[1] if len(parts) == 2 else "(a deletion)"
    except (ValueError, LookupError, TypeError, RecursionError):
        value = line.decode(errors="replace")
    return visible_lines(str(value)[:SHOWN])
