"""How an app's cutover does, for its page: what gates say, how both sides agree and catch up, and plots of it."""

from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from migration.admin.cutover_changes import name_of
from migration.admin.display import NOTHING, badge, link, moment, number
from migration.admin.gates import TITLES, plots_of
from migration.cutover.gates import failing
from migration.models import REST, App
from migration.orchestration.coordination import StageHealth, coordinator_health
from migration.orchestration.planning import View, views_of
from migration.reports.fleet import PERIODS

_KINDS = {"Advance": "goes on", "StepBack": "steps back", "AwaitRelease": "awaits a release", "Wait": "waits"}


def state_of(*, app: App, period: str, collection: str, at: datetime) -> dict[str, Any]:
    """Return what the page shows of gates and health over a period, with plots of one collection."""
    period = period if period in PERIODS else "day"
    views = views_of(app=app, at=at)
    chosen = next((view.collection for view in views if view.collection == collection), REST)
    health = coordinator_health(app=app, at=at, window_seconds=int(PERIODS[period].span.total_seconds()))
    return {
        "gates": [_gates(app, view, chosen, period) for view in views],
        "chosen": name_of(chosen),
        "periods": [(said, _query(chosen, name), name == period) for name, said in TITLES.items()],
        "plots": plots_of(app, chosen, period, at),
        "health": [_health(one) for one in health.stages],
        "server": (number(health.server_waiting), f"{health.server_oldest_seconds:,.0f} s"),
    }


def _gates(app: App, view: View, chosen: str, period: str) -> dict[str, Any]:
    closed = failing(view.gates)
    page = reverse("admin:migration_gates", args=[app.id])
    return {
        "name": link(f"?{_query(view.collection, period)}#gates", name_of(view.collection)),
        "stage": badge(view.requested.stage),
        "held": f"{len(view.gates) - len(closed)} of {len(view.gates)}",
        "closed": [(gate.name, gate.reason) for gate in closed],
        "breach": view.breach,
        "next": f"{_KINDS[type(view.decision).__name__]}: {view.decision.reason}",
        "until": moment(getattr(view.decision, "until", None)),
        "plan": link(f"{page}?{urlencode({'collection': view.collection})}#plan", "Plan and pause"),
        "chosen": view.collection == chosen,
    }


def _query(collection: str, period: str) -> str:
    return urlencode({"collection": collection, "period": period})


def _health(one: StageHealth) -> dict[str, Any]:
    return {
        "stage": badge(one.stage),
        "compared": number(one.compared),
        "consistency": _share(one.consistency_rate),
        "errors": _share(one.error_rate),
        "p99": NOTHING if one.p99_ms is None else f"{one.p99_ms:,.0f} ms",
        "outboxes": number(one.outboxes),
        "age": NOTHING if one.outbox_p99_seconds is None else f"{one.outbox_p99_seconds:,.1f} s",
    }


def _share(share: float | None) -> str:
    return NOTHING if share is None else f"{100 * share:.4g} %"
