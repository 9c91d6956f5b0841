"""Collections' schemas: what was inferred, where entries drift from it, and what is pinned."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from migration.admin.base import AppFilter, LookOnly, actor_of
from migration.admin.display import NOTHING, badge, code, link, link_to, moment, number, visible, visible_lines
from migration.errors import MigrationError, SchemaInvalid
from migration.models import CollectionSchema
from migration.orchestration import schemas
from migration.values.digests import to_wire

WORD = "pin"
EXAMPLES = 10
NOTICES = 100


@admin.register(CollectionSchema)
class CollectionSchemaAdmin(LookOnly):
    """One row for each collection something was sampled of, or a schema was pinned to."""

    list_display = ("collection_name", "app_link", "sampled_entries", "pin", "drift_count", "updated")
    list_filter = (AppFilter,)
    search_fields = ("collection",)
    search_help_text = "Collection, or the beginning of an app's id"
    id_fields = ("app_id",)
    ordering = ("app", "collection")
    fields = ("collection_name", "app_link", "sampled_entries", "pin", "pinned_since", "updated")
    readonly_fields = fields
    list_select_related = ("app",)
    change_form_template = "admin/migration/schema.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[CollectionSchema]:
        """Count the notices along."""
        rows: QuerySet[CollectionSchema] = super().get_queryset(request)
        return rows.annotate(notices=Count("drift"))

    @admin.display(description="collection", ordering="collection")
    def collection_name(self, schema: CollectionSchema) -> str:
        """Show the collection."""
        return visible(schema.collection, longest=60) or NOTHING

    @admin.display(description="app", ordering="app__name")
    def app_link(self, schema: CollectionSchema) -> SafeString | str:
        """Link to the app."""
        return link_to("app", schema.app_id, visible(schema.app.name, longest=40))

    @admin.display(description="entries sampled", ordering="sampled")
    def sampled_entries(self, schema: CollectionSchema) -> str:
        """Show how many entries were looked at."""
        return number(schema.sampled)

    @admin.display(description="pinned", ordering="version")
    def pin(self, schema: CollectionSchema) -> str:
        """Show which version entries are held to."""
        return f"version {schema.version}" if schema.pinned is not None else NOTHING

    @admin.display(description="pinned since")
    def pinned_since(self, schema: CollectionSchema) -> SafeString | str:
        """Show since when, and by whom."""
        return moment(schema.pinned_at) if schema.pinned is not None else NOTHING

    @admin.display(description="drift")
    def drift_count(self, schema: CollectionSchema) -> SafeString | str:
        """Show a badge where entries drift."""
        return badge("drift") if schema.notices else NOTHING  # type: ignore[attr-defined]

    @admin.display(description="updated", ordering="updated_at")
    def updated(self, schema: CollectionSchema) -> SafeString | str:
        """Show when it last changed."""
        return moment(schema.updated_at)

    def title_of(self, identifier: str) -> str:
        """Return what the page is called."""
        return f"Schema {identifier}"

    def get_urls(self) -> list[URLPattern]:
        """Put the verbs' pages before Django's."""
        view = self.admin_site.admin_view
        return [
            path("<int:schema_id>/pin/", view(self.pin_page), name="migration_collectionschema_pin"),
            path("<int:schema_id>/unpin/", view(self.unpin), name="migration_collectionschema_unpin"),
            path("<int:schema_id>/dismiss/", view(self.dismiss), name="migration_collectionschema_dismiss"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the schemas, the drift and where examples are held."""
        schema = self.get_object(request, object_id)
        shown = _shown(schema) if schema is not None else {}
        return super().change_view(request, object_id, form_url, {**shown, **(extra_context or {})})

    def pin_page(self, request: HttpRequest, schema_id: int) -> HttpResponse:
        """GET and POST without the word: edit and preview. POST with the word: pin."""
        self.demand(request)
        schema = self.find(request, pk=schema_id)
        text = request.POST.get("schema") or schema.pinned or schemas.inferred_text(schema)
        confirmed = request.POST.get("word", "").strip() == WORD and "do" in request.POST
        problem = ""
        if request.method == "POST" and confirmed:
            problem = self._pin(request, schema, text)
            if not problem:
                return HttpResponseRedirect(_page_of(schema_id))
        elif "do" in request.POST:
            problem = f"Type {WORD} to go on."
        return self._answer(request, schema, text, problem)

    def _pin(self, request: HttpRequest, schema: CollectionSchema, text: str) -> str:
        try:
            over = int(request.POST.get("over", ""))
            pinned = schemas.pin_schema(
                app_id=schema.app_id,
                collection=schema.collection,
                text=text,
                over=over,
                at=timezone.now(),
                actor=actor_of(request),
            )
        except ValueError:
            return "The form was damaged; nothing has been done."
        except MigrationError as error:
            return error.detail
        self.message_user(request, f"Version {pinned.version} is pinned.", messages.SUCCESS)
        return ""

    def _answer(self, request: HttpRequest, schema: CollectionSchema, text: str, problem: str) -> HttpResponse:
        preview = None
        try:
            preview = schemas.preview_pin(schema=schema, text=text)
        except SchemaInvalid as error:
            problem = error.detail
        title = f"Pin a schema to {visible(schema.collection, longest=60)}"
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "content_title": title,
            "text": text.replace("\x00", ""),
            "problem": visible(problem, longest=600),
            "preview": preview,
            "reasons": [(code(where or "/"), visible(wants), number(n)) for where, wants, n in preview.reasons]
            if preview
            else [],
            "word": WORD,
            "over": request.POST.get("over") or schema.version,
            "back": _page_of(schema.pk),
        }
        return TemplateResponse(request, "admin/migration/schema_pin.html", context, status=422 if problem else 200)

    def unpin(self, request: HttpRequest, schema_id: int) -> HttpResponse:
        """Hold entries to no schema from now on."""
        return self._do(request, schema_id, schemas.unpin_schema, "Entries are held to no schema now.", word="unpin")

    def dismiss(self, request: HttpRequest, schema_id: int) -> HttpResponse:
        """Take the drift as seen."""
        return self._do(request, schema_id, schemas.dismiss_drift, "Taken as seen.")

    def _do(self, request: HttpRequest, schema_id: int, verb: Any, done: str, *, word: str = "") -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self.demand(request)
        schema = self.find(request, pk=schema_id)
        if request.POST.get("word", "").strip() != word:
            self.message_user(request, f"Type {word} to go on.", messages.ERROR)
        else:
            verb(app_id=schema.app_id, collection=schema.collection, at=timezone.now(), actor=actor_of(request))
            self.message_user(request, done, messages.SUCCESS)
        return HttpResponseRedirect(_page_of(schema_id))


def _page_of(pk: int) -> str:
    return reverse("admin:migration_collectionschema_change", args=[pk])


def _shown(schema: CollectionSchema) -> dict[str, Any]:
    return {
        "inferred": visible_lines(schemas.inferred_text(schema)),
        "pinned": visible_lines(schema.pinned) if schema.pinned is not None else None,
        "version": schema.version,
        "pinned_by": visible(schema.pinned_by),
        "notices": [
            {
                "kind": badge(one.kind),
                "path": code(one.path or "/"),
                "detail": visible(one.detail, longest=200),
                "count": number(one.count),
                "share": f"{one.share:.1%}",
                "first": moment(one.first_seen),
                "last": moment(one.last_seen),
            }
            for one in schema.drift.order_by("-last_seen", "-id")[:NOTICES]
        ],
        "examples": [_example(place) for place, _ in schemas.examples(schema, most=EXAMPLES)],
        "refused_url": _refused(schema),
    }


def _example(place: schemas.Place) -> SafeString:
    owner_id, namespace, key_hash = place
    there = reverse("admin:migration_record", args=[owner_id, to_wire(key_hash)])
    return link(f"{there}?{urlencode({'in': namespace})}", to_wire(key_hash)[:8])


def _refused(schema: CollectionSchema) -> str:
    query = urlencode({"code__exact": "schema_mismatch", "q": schema.collection[:60]})
    return f"{reverse('admin:migration_quarantineentry_changelist')}?{query}"
