"""The admin's site: the dashboard is its first page, and pages that belong to no single model have addresses here."""

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver

if TYPE_CHECKING or not apps.is_installed("unfold"):
    from django.contrib.admin import AdminSite as ThemedSite
else:
    from unfold.sites import UnfoldAdminSite as ThemedSite


class Site(ThemedSite):
    """Django's site, or the theme's where it is installed."""

    site_header = "syncserver"
    site_title = "syncserver"
    index_title = "Dashboard"
    index_template = "admin/migration/dashboard.html"

    # Imported when asked for: `migration.admin` registers its models with this very site.

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Show the dashboard."""
        from migration.admin.dashboard import dashboard_of

        return super().index(request, {**dashboard_of(request), **(extra_context or {})})

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Put our own pages before the models'."""
        from migration.admin.pages import pages

        return [*pages(self), *super().get_urls()]
