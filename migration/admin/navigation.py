"""The theme's sidebar and badge: what there is, in the order an operator asks for it."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from migration.admin.records import may_look

# (group, ((model, icon), …)); the icons are names in the theme's own symbol font.
_GROUPS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Migrations",
        (
            ("migrationrun", "moving"),
            ("quarantineentry", "block"),
            ("stagechange", "conversion_path"),
            ("conflict", "call_split"),
            ("rollback", "undo"),
            ("approllback", "restore"),
        ),
    ),
    (
        "Data",
        (
            ("backup", "inventory_2"),
            ("archivejob", "archive"),
            ("rollbackpoint", "flag"),
            ("apppoint", "outlined_flag"),
            ("collectionschema", "schema"),
        ),
    ),
    ("People", (("app", "apps"), ("owner", "person"), ("device", "devices"))),
    ("Control", (("auditline", "history_edu"), ("user", "admin_panel_settings"), ("group", "groups"))),
    ("Machinery", (("dashboard", "queue"), ("tuning", "tune"))),
)
_OTHER = "category"
_TITLES = {"dashboard": "queues"}
_COLOURS = {"production": "danger", "staging": "warning"}

Item = dict[str, Any]


def environment(_request: HttpRequest) -> list[str]:
    """Return what the badge says and its colour."""
    name = str(settings.ENVIRONMENT)
    return [name, _COLOURS.get(name, "info")]


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the groups with what this user may look at; a model no group names comes under Data."""
    pages = admin.site._registry.values()  # noqa: SLF001 - there is no other list of what is registered
    known = {str(page.opts.model_name): page.opts for page in pages if page.has_view_permission(request)}
    groups: list[dict[str, Any]] = []
    for title, members in _GROUPS:
        items = [_item(request, known.pop(name), icon) for name, icon in members if name in known]
        groups.append({"title": title, "separator": True, "items": items})
    groups[1]["items"] += [_item(request, options, _OTHER) for options in known.values()]
    if may_look(request):
        groups[1]["items"].insert(0, _page(request, "Records", "admin:migration_records", "data_object"))
    return [
        {"items": [_page(request, "Dashboard", "admin:index", "monitoring", exactly=True)]},
        *(group for group in groups if group["items"]),
    ]


def _item(request: HttpRequest, options: Any, icon: str) -> Item:
    title = _TITLES.get(options.model_name, str(options.verbose_name_plural))
    address = f"admin:{options.app_label}_{options.model_name}_changelist"
    return _page(request, title[:1].upper() + title[1:], address, icon)


def _page(request: HttpRequest, title: str, address: str, icon: str, *, exactly: bool = False) -> Item:
    link = reverse(address)
    active = request.path == link if exactly else request.path.startswith(link)
    return {"title": title, "icon": icon, "link": link, "active": active}
