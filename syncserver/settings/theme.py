"""The admin's look: django-unfold's settings. Everything is served from here; nothing comes from another host."""

from typing import Any

from django.templatetags.static import static

THEMES = ("unfold", "none")

# Teal, as the demo's icon.
_PRIMARY = {
    "50": "#f0fdfa",
    "100": "#ccfbf1",
    "200": "#99f6e4",
    "300": "#5eead4",
    "400": "#2dd4bf",
    "500": "#14b8a6",
    "600": "#0f766e",
    "700": "#115e59",
    "800": "#134e4a",
    "900": "#0f3f3c",
    "950": "#042f2e",
}

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "syncserver",
    "SITE_HEADER": "syncserver",
    "SITE_SUBHEADER": "localStorage, moved",
    "SITE_ICON": lambda _request: static("migration/icon.svg"),
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("migration/icon.svg")},
    ],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "migration.admin.navigation.environment",
    "STYLES": [lambda _request: static("migration/unfold.css")],
    "COLORS": {"primary": _PRIMARY},
    "SIDEBAR": {"navigation": "migration.admin.navigation.sidebar"},
}
