"""The pages that belong to no single registered model, and their addresses."""

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from migration.admin import fleet, gates, records


def pages(site: AdminSite) -> list[URLPattern]:
    """Return the addresses of these pages, each open to signed-in staff only."""
    return [
        path("migration/app/<uuid:app_id>/gates/", site.admin_view(gates.show), name="migration_gates"),
        path(
            "migration/app/<uuid:app_id>/gates/mismatches/", site.admin_view(gates.reveal), name="migration_mismatches"
        ),
        path("migration/app/<uuid:app_id>/gates/<slug:verb>/", site.admin_view(gates.say), name="migration_plan"),
        path("migration/app/<uuid:app_id>/fleet/", site.admin_view(fleet.show), name="migration_fleet"),
        path("migration/record/", site.admin_view(records.search), name="migration_records"),
        path("migration/record/<uuid:owner_id>/<str:place>/", site.admin_view(records.show), name="migration_record"),
        path(
            "migration/record/<uuid:owner_id>/<str:place>/reveal/",
            site.admin_view(records.reveal),
            name="migration_record_reveal",
        ),
    ]
