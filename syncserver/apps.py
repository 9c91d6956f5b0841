"""Django's admin with our own site as its default."""

from django.conf import settings
from django.contrib.admin.apps import AdminConfig, SimpleAdminConfig


class SiteConfig(AdminConfig):
    """`django.contrib.admin`, with the dashboard on its first page."""

    default_site = "syncserver.site.Site"

    def ready(self) -> None:
        """Load what is registered, except where nobody will look at it: it is an eighth of a process's memory."""
        if settings.HAS_PAGES:
            super().ready()
        else:
            SimpleAdminConfig.ready(self)
