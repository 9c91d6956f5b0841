"""Records: found by app, owner and key; a value is shown only as the answer to an audited question.

Not a ModelAdmin: the primary key is composite, and a list of a million rows must be neither counted nor skipped over.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from migration import records
from migration.admin.base import actor_of, ids_beginning_with
from migration.admin.display import NOTHING, badge, code, link, link_to, moment, number, size, visible, visible_lines
from migration.admin.reach import within_reach
from migration.errors import NotFound
from migration.models import App, Conflict, Owner
from migration.models.records import Form
from migration.orchestration.revealing import reveal_record
from migration.values.digests import from_wire, to_wire

SHOWN = 20_000
"""Characters of a revealed value shown."""
CANDIDATES = 20
"""Owners offered when the words name several."""
_NOTHING_FOUND = records.Page([], None)
_FORMS = {Form.VERBATIM: "verbatim", Form.LITERAL: "literal"}
EXACT, BEGINS = "is", "begins"


class SearchForm(forms.Form):
    """What to look for. Everything may be left out."""

    app = forms.ModelChoiceField(queryset=App.objects.none(), required=False, empty_label="any app")
    owner = forms.CharField(required=False, strip=True, max_length=255)
    how = forms.ChoiceField(choices=[(EXACT, "is"), (BEGINS, "begins with")], required=False)
    # As it is: a key may begin with a blank.
    key = forms.CharField(required=False, strip=False, max_length=10_000)

    def __init__(self, *given: Any, apps: QuerySet[App]) -> None:
        super().__init__(*given)
        self.fields["app"].queryset = apps.order_by("name")  # type: ignore[attr-defined] # this field has one
        self.fields["app"].label_from_instance = lambda app: visible(app.name, longest=60)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Found:
    """What a search came to: a page of records, or owners to choose from, or why there is neither."""

    page: records.Page = _NOTHING_FOUND
    owner: Owner | None = None
    candidates: tuple[Owner, ...] = ()
    problem: str = ""


def may_look(request: HttpRequest) -> bool:
    """Tell whether the user may see records without their values."""
    return request.user.has_perm("migration.view_record")


def may_reveal(request: HttpRequest) -> bool:
    """Tell whether the user may look at values."""
    return may_look(request) and request.user.has_perm("migration.reveal_record")


def may_take_back(request: HttpRequest) -> bool:
    """Tell whether the user may act upon owners."""
    return request.user.has_perm("migration.change_owner")


def search(request: HttpRequest) -> HttpResponse:
    """Show the search and a page of what it finds."""
    if not may_look(request):
        raise PermissionDenied
    apps = within_reach(App.objects.all(), user=request.user)
    form = SearchForm(request.GET, apps=apps)
    found = (
        _find(form, _after(request), request.user) if form.is_valid() else Found(problem="That cannot be searched for.")
    )
    query = {name: str(value) for name, value in request.GET.items() if name != "after"}
    context = {
        "title": "Records",
        "form": form,
        "found": found,
        "rows": _rows(found.page.records),
        "candidates": [(_link_to_owner(one, query), visible(one.app.name)) for one in found.candidates],
        "next": urlencode({**query, "after": _write(found.page.after)}) if found.page.after else "",
        "reset": reverse("admin:migration_records"),
        "asked": bool(request.GET),
    }
    return _answer(request, "records.html", context)


def show(request: HttpRequest, owner_id: UUID, place: str) -> HttpResponse:
    """Show one record: how it stands, its history and conflicts. Values stay hidden."""
    if not may_look(request):
        raise PermissionDenied
    return _page(request, _read(owner_id, place, request))


def reveal(request: HttpRequest, owner_id: UUID, place: str) -> HttpResponse:
    """Write who looks, and show the value of one version in the answer itself: it has no address of its own."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if not may_reveal(request):
        raise PermissionDenied
    where = _read(owner_id, place, request)
    try:
        revision = int(request.POST.get("revision", ""))
        value = reveal_record(place=where, revision=revision, actor=actor_of(request), at=timezone.now())
    except (ValueError, NotFound) as error:
        raise Http404 from error
    shown = "(deleted)" if value is None else visible_lines(value[:SHOWN])
    return _page(request, where, revealed=shown, of=revision, cut=value is not None and len(value) > SHOWN)


# --- searching ----------------------------------------------------------------------------------------------


def _find(form: SearchForm, after: records.Place, user: AbstractBaseUser | AnonymousUser) -> Found:
    app_ids, words, key = _apps(form, user), form.cleaned_data["owner"], form.cleaned_data["key"]
    owner = None
    if words:
        owners = _owners(words, app_ids)
        if len(owners) != 1:
            problem = "" if owners else "No owner has this id or user."
            return Found(candidates=tuple(owners), problem=problem)
        owner = owners[0]
    owner_id = owner.id if owner else None
    if key and form.cleaned_data["how"] == BEGINS:
        if owner_id is None:
            return Found(problem="Beginnings of keys are looked for within one owner: name the owner too.")
        return Found(records.begin_with(owner_id=owner_id, prefix=key, after=after), owner)
    if key:
        return Found(records.with_key(key=key, app_ids=app_ids, owner_id=owner_id, after=after), owner)
    return Found(records.list_records(app_ids=app_ids, owner_id=owner_id, after=after), owner)


def _apps(form: SearchForm, user: AbstractBaseUser | AnonymousUser) -> list[UUID] | None:
    """Return the apps to search: the chosen one, those within reach, or None for all there are."""
    if form.cleaned_data["app"]:
        return [form.cleaned_data["app"].id]
    if getattr(user, "is_superuser", False):
        return None
    return list(within_reach(App.objects.all(), user=user).values_list("id", flat=True))


def _owners(words: str, app_ids: list[UUID] | None) -> list[Owner]:
    """Return the owners these words name: a user's id as the app knows it, or the beginning of an owner's id."""
    known = Owner.objects.select_related("app")
    # Each app by itself, so that the unique key (app, kind, subject) finds them.
    apps = app_ids if app_ids is not None else list(App.objects.values_list("id", flat=True))
    users = [] if "\x00" in words else list(
        known.filter(app_id__in=apps, kind__in=Owner.Kind.values, subject=words)[:CANDIDATES]
    )  # fmt: skip
    span = ids_beginning_with(words)
    if users or span is None:
        return users
    within = known.filter(id__gte=span[0], id__lte=span[1])
    return list((within if app_ids is None else within.filter(app_id__in=app_ids)).order_by("id")[:CANDIDATES])


def _link_to_owner(owner: Owner, query: dict[str, str]) -> Any:
    address = f"{reverse('admin:migration_records')}?{urlencode({**query, 'owner': str(owner.id)})}"
    return link(address, visible(str(owner), longest=48))


def _rows(listed: list[records.Listed]) -> list[dict[str, Any]]:
    names = {
        owner_id: visible(f"{kind} {subject}", longest=24)
        for owner_id, kind, subject in Owner.objects.filter(id__in={one.owner_id for one in listed}).values_list(
            "id", "kind", "subject"
        )
    }
    return [
        {
            "key": link(_address(one.place), visible(one.key_json, longest=80)),
            "owner": link_to("owner", one.owner_id, names.get(one.owner_id)),
            "collection": visible(one.collection, longest=40),
            "revision": number(one.revision),
            "form": badge("deleted") if one.deleted else _FORMS.get(Form(one.form), ""),
            "size": NOTHING if one.deleted else size(one.stored),
            "writer": link_to("device", one.device_id) if one.device_id else visible(one.cause),
            "written": moment(one.written_at),
        }
        for one in listed
    ]


# --- one record ---------------------------------------------------------------------------------------------


def _read(owner_id: UUID, place: str, request: HttpRequest) -> records.Place:
    """Return the place the address names; 404 beyond the user's reach."""
    get_object_or_404(within_reach(Owner.objects.all(), user=request.user), id=owner_id)
    try:
        return owner_id, request.GET.get("in", "default").replace("\x00", ""), from_wire(place)
    except ValueError as error:
        raise Http404 from error


def _page(
    request: HttpRequest, place: records.Place, *, revealed: str | None = None, of: int = 0, cut: bool = False
) -> HttpResponse:
    single = records.read_record(place=place)
    if single is None:
        raise Http404
    owner = Owner.objects.select_related("app").get(id=place[0])
    context = {
        "title": f"Record {to_wire(place[2])[:8]}",
        "key": visible(single.key_json, longest=2_000),
        "facts": _facts(single, owner, place),
        "versions": [_version(one) for one in [single.current, *single.earlier]],
        "back_to_version": _way_back(place, single.key_json) if may_take_back(request) else "",
        "conflicts": [_conflict(one) for one in single.conflicts],
        "may_reveal": may_reveal(request),
        "reveal_url": _address(place, "admin:migration_record_reveal"),
        "revealed": revealed,
        "revealed_of": of,
        "revealed_cut": cut,
        "back": reverse("admin:migration_records"),
        "current": single.current.revision,
    }
    response = _answer(request, "record.html", context)
    response["Cache-Control"] = "no-store"
    return response


def _facts(single: records.Single, owner: Owner, place: records.Place) -> list[tuple[str, Any]]:
    current = single.current
    return [
        ("App", link_to("app", owner.app_id, visible(owner.app.name))),
        ("Owner", link_to("owner", owner.id, visible(str(owner)))),
        ("Collection", visible(current.collection)),
        ("Namespace", code(place[1])),
        ("Key's hash", code(to_wire(place[2]), longest=None)),
        ("Revision", number(current.revision)),
        ("State", badge("deleted" if current.deleted else "held")),
        ("Form", NOTHING if current.deleted else _FORMS.get(Form(current.form), "")),
        ("Size", size(current.size)),
        ("Last writer", _writer(current)),
        ("Written", moment(current.written_at)),
    ]


def _version(version: records.Version) -> dict[str, Any]:
    return {
        "revision": version.revision,
        "until": number(version.superseded_by),
        "what": badge("deleted") if version.deleted else size(version.size),
        "deleted": version.deleted,
        "writer": _writer(version),
        "run": link_to("migrationrun", version.run_id),
        "written": moment(version.written_at),
    }


def _writer(version: records.Version) -> Any:
    return link_to("device", version.device_id) if version.device_id else visible(f"server ({version.cause})")


def _conflict(conflict: Conflict) -> dict[str, Any]:
    return {
        "number": link_to("conflict", conflict.pk, str(conflict.pk)),
        "state": badge(conflict.state),
        "policy": visible(conflict.policy),
        "winner": visible(conflict.winner),
        "reason": visible(conflict.reason, longest=300),
        "revision": number(conflict.record_revision),
        "loser": link_to("device", conflict.loser_device_id),
        "run": link_to("migrationrun", conflict.run_id),
        "created": moment(conflict.created_at),
    }


def _way_back(place: records.Place, key_json: str) -> str:
    """Return the address of the page that takes this record back, all but the revision."""
    query = urlencode({"key": key_json, "in": place[1]})
    return f"{reverse('admin:migration_owner_rollback', args=[place[0]])}?{query}"


# --- addresses and answers ----------------------------------------------------------------------------------


def _address(place: records.Place, name: str = "admin:migration_record") -> str:
    owner_id, namespace, key_hash = place
    return f"{reverse(name, args=[owner_id, to_wire(key_hash)])}?{urlencode({'in': namespace})}"


def _write(place: records.Place) -> str:
    owner_id, namespace, key_hash = place
    return f"{owner_id}~{to_wire(key_hash)}~{namespace}"


def _after(request: HttpRequest) -> records.Place:
    """Read behind which place to go on; the start where it is none of ours."""
    try:
        owner_id, key_hash, namespace = request.GET.get("after", "").split("~", 2)
        return UUID(owner_id), namespace.replace("\x00", ""), from_wire(key_hash) if key_hash else b""
    except ValueError:
        return records.START


def _answer(request: HttpRequest, template: str, context: dict[str, Any]) -> TemplateResponse:
    shared = {**admin.site.each_context(request), "content_title": context["title"]}
    return TemplateResponse(request, f"admin/migration/{template}", {**shared, **context})
