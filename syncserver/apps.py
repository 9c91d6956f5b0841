"""Django's admin with our own site as its default."""

from django.contrib.admin.apps import AdminConfig


class SiteConfig(AdminConfig):
    """`django.contrib.admin`, with the dashboard on its first page."""

    default_site = "syncserver.site.Site"
