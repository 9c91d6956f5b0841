"""`manage.py migration_status`: how cutovers stand, once or again and again."""

import json
import time
from argparse import ArgumentParser
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from migration.models import App
from migration.orchestration.coordination import coordinator_health
from migration.orchestration.planning import View, views_of
from migration.values.visible import visible

NOTHING = 3
"""Exit code when there is no app to tell of."""
Told = dict[str, Any]


class Command(BaseCommand):
    """Exit codes: 0 told, 2 wrong usage, 3 no app to tell of."""

    help = "Stages, gates with their figures, what plans do next, health and panic, of one app or all."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare which app, how often and in which form."""
        parser.add_argument("--app", help="only this app, by its slug")
        parser.add_argument("--watch", action="store_true", help="tell again and again, until Ctrl-C")
        parser.add_argument("--every", type=float, default=5.0, metavar="SECONDS", help="pause between two of them")
        parser.add_argument("--json", action="store_true", help="one JSON object a line for each app")

    def handle(self, *_args: Any, app: str | None, watch: bool, every: float, **options: Any) -> None:
        """Tell, and go on telling if asked to."""
        if every <= 0:
            raise CommandError("--every is more than 0", returncode=2)
        with suppress(KeyboardInterrupt):
            self._tell(app, as_json=options["json"])
            while watch:
                time.sleep(every)
                self._tell(app, as_json=options["json"])

    def _tell(self, slug: str | None, *, as_json: bool) -> None:
        apps = App.objects.filter(is_active=True).order_by("slug") if slug is None else App.objects.filter(slug=slug)
        listed = list(apps)
        if slug is not None and not listed:
            raise CommandError(f"there is no app {slug!r}", returncode=2)
        if not listed:
            raise CommandError("there is no app", returncode=NOTHING)
        for app in listed:
            told = status_of(app, at=timezone.now())
            self.stdout.write(json.dumps(told) if as_json else "\n".join(_in_words(told)))


def status_of(app: App, *, at: datetime) -> Told:
    """Return how an app's cutover stands, as JSON has it."""
    return {
        "app": app.slug,
        "at": at.isoformat(),
        "epoch": app.epoch,
        "panic": app.panic,
        "collections": [_collection(view) for view in views_of(app=app, at=at)],
        "health": asdict(coordinator_health(app=app, at=at)),
    }


def _collection(view: View) -> Told:
    decision = view.decision
    until = getattr(decision, "until", None)
    return {
        "collection": view.collection,
        "stage": view.requested.stage,
        "percentage": view.requested.percentage,
        "since": view.since.isoformat(),
        "gates": [asdict(gate) for gate in view.gates],
        "breach": view.breach,
        "next": {
            "decision": type(decision).__name__,
            "stage": getattr(decision, "stage", None),
            "percentage": getattr(decision, "percentage", None),
            "reason": decision.reason,
            "until": until.isoformat() if until else None,
        },
    }


def _in_words(told: Told) -> list[str]:
    panic = "  PANIC: everybody reads the browser" if told["panic"] else ""
    lines = [f"{visible(told['app'])}  epoch {told['epoch']}{panic}"]
    for one in told["collections"]:
        lines += _collection_in_words(one)
    for stage in told["health"]["stages"]:
        lines.append("  " + _health_in_words(stage))
    health = told["health"]
    waits = f"oldest {health['server_oldest_seconds']:.0f} s"
    lines.append(f"  server: {health['server_waiting']:,} chunks wait to be loaded, {waits}")
    return lines


def _collection_in_words(one: Told) -> list[str]:
    share = f" at {one['percentage'] / 100:g} %" if one["stage"] == "ramp" else ""
    name = visible(one["collection"]) or "every other collection"
    lines = [f"  {name}: {one['stage']}{share} since {one['since'][:16]}"]
    lines += [f"    [{'x' if gate['passed'] else ' '}] {gate['name']}: {gate['reason']}" for gate in one["gates"]]
    if one["breach"]:
        lines.append(f"    BREACH: {one['breach']}")
    until = f" (until {one['next']['until'][:16]})" if one["next"]["until"] else ""
    lines.append(f"    {one['next']['decision']}: {one['next']['reason']}{until}")
    return lines


def _health_in_words(stage: Told) -> str:
    def percent(share: float | None) -> str:
        return "-" if share is None else f"{100 * share:.3g} %"

    p99 = "-" if stage["p99_ms"] is None else f"{stage['p99_ms']:,.0f} ms"
    age = "-" if stage["outbox_p99_seconds"] is None else f"{stage['outbox_p99_seconds']:,.1f} s"
    agrees = f"consistency {percent(stage['consistency_rate'])} of {stage['compared']:,}"
    return f"{stage['stage']}: {agrees}, errors {percent(stage['error_rate'])}, p99 {p99}, outboxes {age}"
