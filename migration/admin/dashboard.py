"""The admin's first page: what needs attention, how far everybody has come, how fast it goes, what is kept."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.safestring import SafeString, mark_safe

from migration.admin.display import NOTHING, badge, bar, link_to, listed, moment, number, short, size, visible
from migration.admin.reach import within_reach
from migration.models import App, MigrationRun
from migration.reports import plots
from migration.reports.attention import concerns
from migration.reports.fleet import MOST_WAITING, PERIODS, STEPS, Fleet, fleet

MOST_APPS = 200
_TITLES = {"hour": "last hour", "day": "last 24 hours", "week": "last 7 days"}
_SAID = {
    "detected": "browsers seen",
    "planned": "made a plan",
    "transferring": "sent data",
    "verified": "verified, receipt signed",
}
_ROAD = ("planned", "transferring", "verifying", "completed", "failed", "rolling_back", "rolled_back", "cancelled")


def dashboard_of(request: HttpRequest) -> dict[str, Any]:
    """Return the template's context; without figures for staff who may not look at runs."""
    if isinstance(request.user, AnonymousUser) or not request.user.has_perm("migration.view_migrationrun"):
        return {"content_title": "Dashboard", "figures": None}
    within = within_reach(App.objects.order_by("name"), user=request.user)
    app, period = _app(within, request.GET.get("app", "")), request.GET.get("period", "hour")
    if app is None and not request.user.is_superuser:
        # Staff of some apps look at one of them at a time: what all do together is not theirs to see.
        app = within.first()
        if app is None:
            return {"content_title": "Dashboard", "figures": None}
    period = period if period in PERIODS else "hour"
    picture = fleet(at=timezone.now(), period=period, app_id=app.id if app else None)
    return {
        "content_title": "Dashboard",
        "figures": picture,
        "apps": _apps(within, app),
        "sees_all": request.user.is_superuser,
        "periods": [(name, title, _query(app, name), name == period) for name, title in _TITLES.items()],
        "period": period,
        "period_title": _TITLES[period],
        "folded": moment(picture.folded_at),
        "concerns": [(concern.what, _about(concern.about, app), concern.grave) for concern in concerns(picture)],
        "tiles": _tiles(picture),
        "funnel": _funnel(picture),
        "states": [_state(picture, state, app) for state in _ROAD if picture.stands("runs", state)],
        "live": [_live(run) for run in picture.live],
        "rate_plot": _drawn(plots.lines(title=f"Entries per second, {_TITLES[period]}", series={"": picture.rate})),
        "errors_plot": _drawn(plots.bars(title=f"Errors by code, {_TITLES[period]}", values=_troubles(picture))),
        "has_errors": bool(_troubles(picture)),
        "storage": _storage(picture),
        "backups": _backups(picture),
    }


def _app(within: QuerySet[App], identifier: str) -> App | None:
    try:
        return within.filter(id=UUID(identifier)).first()
    except ValueError:
        return None


def _apps(within: QuerySet[App], chosen: App | None) -> list[tuple[str, str, bool]]:
    apps = within.values_list("id", "name")[:MOST_APPS]
    return [
        (str(app_id), visible(name, longest=40), chosen is not None and app_id == chosen.id) for app_id, name in apps
    ]


def _query(app: App | None, period: str) -> str:
    return urlencode({"period": period, **({"app": str(app.id)} if app else {})})


def _drawn(plot: str) -> SafeString:
    # The plots escape what they are given; they hold no script and no address.
    return mark_safe(plot)  # noqa: S308 - said above


def _tiles(picture: Fleet) -> list[tuple[str, str, str]]:
    """Return (title, figure, explanation) of what is seen first."""
    newest = picture.rate[-1][1] if picture.rate else 0.0
    waiting = f"{number(picture.waiting)}{'+' if picture.waiting >= MOST_WAITING else ''}"
    at_work = sum(picture.stands("runs", state) for state in ("transferring", "verifying", "rolling_back"))
    return [
        ("Verified", number(picture.stands("runs", "completed")), "runs with a signed receipt"),
        ("At work", number(at_work), "runs moving, verifying or rolling back"),
        ("Entries", number(picture.entries), f"loaded; {_rate(newest)}/s in the newest step"),
        ("Waiting", waiting, "chunks stored, not yet loaded"),
        ("Workers", number(picture.workers), "connected right now"),
        ("Quarantine", number(picture.stands("quarantine", "open")), "entries refused and kept"),
    ]


def _rate(value: float) -> str:
    return f"{value:.0f}" if value >= 10 or value == 0 else f"{value:.1f}"


def _funnel(picture: Fleet) -> list[dict[str, Any]]:
    """Return the steps of the road, each with its share of all browsers and of the step before."""
    counts = [picture.stands("funnel", step) for step in STEPS]
    return [
        {
            "step": step,
            "said": _SAID[step],
            "count": number(count),
            "share": _share(count, counts[0]),
            "kept": "" if place == 0 or not counts[place - 1] else f"{_share(count, counts[place - 1]):.0f} %",
        }
        for place, (step, count) in enumerate(zip(STEPS, counts, strict=True))
    ]


def _share(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0


def _state(picture: Fleet, state: str, app: App | None) -> tuple[SafeString, SafeString]:
    filters = {"state__exact": state, **({"app__id__exact": str(app.id)} if app else {})}
    return badge(state), listed("migrationrun", number(picture.stands("runs", state)), **filters)


def _live(run: MigrationRun) -> dict[str, Any]:
    return {
        "run": link_to("migrationrun", run.id, short(run.id)),
        "state": badge("paused" if run.pause_wished else run.state),
        "bar": bar(run.percentage),
        "entries": f"{number(run.entries_processed)} / {number(run.entries_total)}",
        "owner": link_to("owner", run.owner_id, visible(str(run.owner), longest=18)),
        "app": visible(run.app.name, longest=30),
    }


def _troubles(picture: Fleet) -> dict[str, float]:
    """Return errors and refusals together, most first; a refused entry is told as an error of its run too."""
    codes = {**picture.quarantined, **{code: count for code, count in picture.errors.items() if code}}
    return dict(sorted(codes.items(), key=lambda item: -item[1]))


def _storage(picture: Fleet) -> list[dict[str, Any]]:
    largest = max((one.size for one in picture.storage), default=0)
    return [
        {"name": one.name, "rows": number(one.rows), "size": size(one.size), "share": _share(one.size, largest)}
        for one in picture.storage
    ]


def _backups(picture: Fleet) -> Sequence[tuple[str, Any]]:
    sealed, verified = picture.stands("backups", "sealed"), picture.stands("backups", "verified")
    return [
        ("Sealed", number(sealed)),
        ("Still open", number(picture.stands("backups", "open"))),
        ("Kept", size(sum(picture.standing.get("backup_bytes", {}).values()))),
        ("Found sound", bar(_share(verified, sealed), label="share of sealed backups verified") if sealed else NOTHING),
        ("Oldest never verified", _day(picture.oldest_unverified)),
    ]


def _day(at: datetime | None) -> Any:
    return moment(at) if at else NOTHING


def _about(about: str, app: App | None) -> str:
    lists: Mapping[str, tuple[str, dict[str, str]]] = {
        "failed": ("migration_migrationrun", {"state__exact": "failed"}),
        "quarantine": ("migration_quarantineentry", {"state__exact": "open"}),
        "conflicts": ("migration_conflict", {"state__exact": "open"}),
        "backups": ("migration_backup", {"state__exact": "sealed", "o": "8"}),
        "queue": ("django_rq_dashboard", {}),
    }
    if about not in lists:
        return ""
    name, filters = lists[about]
    if app and name in ("migration_migrationrun", "migration_conflict"):
        filters = {**filters, "app__id__exact": str(app.id)}
    return f"{reverse(f'admin:{name}_changelist')}{'?' + urlencode(filters) if filters else ''}"
