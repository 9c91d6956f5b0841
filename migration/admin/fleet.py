"""The fleet of an app: owners and devices by stage and browser, what is at risk, and whether the old code may go."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils import timezone

from migration.admin.display import badge, link_to, moment, number, size, visible
from migration.admin.reach import within_reach
from migration.models import App
from migration.reports.devices import DeviceFleet, device_fleet
from migration.states import Stage

REST_SAID = "every other collection"


def show(request: HttpRequest, app_id: UUID) -> HttpResponse:
    """Show the fleet."""
    app = app_within(request, app_id)
    found = device_fleet(app=app, at=timezone.now())
    context = {
        **admin.site.each_context(request),
        "title": f"Fleet of {visible(app.name, longest=40)}",
        "content_title": f"Fleet of {visible(app.name, longest=40)}",
        "app_id": app.id,
        "verdict": found.may_delete,
        "questions": [(one.what, number(one.figure), one.passed) for one in found.questions],
        "stages": _stages(found),
        "columns": [badge(stage) for stage in Stage],
        "visits": [_visit(one) for one in found.visits],
        "stragglers": [
            (link_to("device", one.device_id), link_to("owner", one.owner_id), one.browser, moment(one.seen_at))
            for one in found.stragglers
        ],
        "waiting": [
            ("Devices whose writes wait", number(found.waiting_devices)),
            ("Writes that wait", number(found.waiting_writes)),
            ("Bytes of them", size(found.waiting_bytes)),
            (f"Devices without a receipt, away for over {found.days} days", number(found.away)),
            ("Such devices that came within that time", number(found.unmoved)),
        ],
    }
    return TemplateResponse(request, "admin/migration/fleet.html", context)


def app_within(request: HttpRequest, app_id: UUID) -> App:
    """Return an app within the user's reach. Raises PermissionDenied for who may look at none, Http404."""
    if not request.user.has_perm("migration.view_app"):
        raise PermissionDenied
    return get_object_or_404(within_reach(App.objects.all(), user=request.user), id=app_id)


def _stages(found: DeviceFleet) -> list[tuple[str, list[str]]]:
    return [
        (visible(name) if name else REST_SAID, [_counts(held.get(stage)) for stage in Stage])
        for name, held in found.stages.items()
    ]


def _counts(counted: tuple[int, int] | None) -> str:
    return "" if counted is None else f"{number(counted[0])} / {number(counted[1])}"


def _visit(one: Any) -> dict[str, Any]:
    return {
        "browser": one.browser,
        "visit": one.visit,
        "devices": number(one.devices),
        "unmoved": number(one.unmoved),
        "waiting": number(one.waiting),
        "risk": badge(one.risk),
    }
