"""The addresses of the project."""

from django.contrib import admin
from django.urls import include, path, re_path

from migration.api.urls import probes, v1
from migration.api.views.health import NowhereView

# Addresses are tried in their order: first what is asked most.
urlpatterns = [
    path("api/v1/", include(v1)),
    *probes,
    path("admin/", admin.site.urls),
    re_path(r"^api(?:/|$)", NowhereView.as_view()),
    path("", include("syncserver.demo.urls")),
]

handler400 = "migration.api.problems.bad_request"
handler403 = "migration.api.problems.permission_denied"
handler404 = "migration.api.problems.page_not_found"
handler500 = "migration.api.problems.server_error"
