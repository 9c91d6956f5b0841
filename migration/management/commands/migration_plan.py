"""`manage.py migration_plan`: plans by which collections go over to the server, from the terminal."""

import getpass
import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from migration.cutover.plans import Plan, PlanInvalid, plan_for
from migration.errors import MigrationError
from migration.models import REST, App, CutoverPlan
from migration.orchestration import planning
from migration.states import Stage

NOTHING = 3
"""Exit code when there is no plan to show."""
_STEERING = {"pause": planning.pause_plan, "resume": planning.resume_plan, "drop": planning.drop_plan}
Options = dict[str, Any]


class Command(BaseCommand):
    """Exit codes: 0 done, 1 refused (the message says why), 2 wrong usage, 3 nothing to show."""

    help = "Plans of an app's collections: show, set, pause, resume, drop, release the last two stages."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the verbs and what they take."""
        parser.add_argument("verb", choices=["show", "set", "release", *_STEERING])
        parser.add_argument("--app", required=True, help="the app's slug")
        parser.add_argument("--collection", default=REST, help="only this one; without it all that have no line")
        parser.add_argument("--percent", type=float, default=100.0, help="of set: the share of the owners it ends at")
        parser.add_argument("--at-once", action="store_true", help="of set: one step instead of 1, 5, 25, 50, 100 %%")
        parser.add_argument("--stage", choices=["server_primary", "complete"], help="of release: as far as it may go")
        parser.add_argument("--json", action="store_true", help="one JSON object a line")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done and do nothing")

    def handle(self, *_args: Any, verb: str, app: str, **options: Any) -> None:
        """Do the verb."""
        found = App.objects.filter(slug=app).first()
        if found is None:
            raise CommandError(f"there is no app {app!r}", returncode=2)
        if (verb == "release") != (options["stage"] is not None):
            raise CommandError("release needs --stage; nothing else takes it", returncode=2)
        try:
            self._show(found, options) if verb == "show" else self._do(found, verb, options)
        except PlanInvalid as error:
            raise CommandError(str(error), returncode=2) from error
        except MigrationError as error:
            raise CommandError(error.detail) from error

    def _show(self, app: App, options: Options) -> None:
        rows = list(CutoverPlan.objects.filter(app=app).order_by("collection"))
        for row in rows:
            self._say(_told(row), options)
        if not rows:
            raise CommandError("there is no plan", returncode=NOTHING)

    def _do(self, app: App, verb: str, options: Options) -> None:
        named: Options = {"app_id": app.id, "collection": options["collection"]}
        who: Options = {"actor": f"command:{getpass.getuser()}", "at": timezone.now()}
        # A dry run does the same and takes it back: what is refused is refused, and what is told is what would be.
        with transaction.atomic():
            if verb == "set":
                plan = plan_for(gradual=not options["at_once"], percentage=options["percent"])
                row: CutoverPlan | None = planning.set_plan(plan=plan, **named, **who)
            elif verb == "release":
                row = planning.release(stage=Stage(options["stage"]), **named, **who)
            else:
                row = _STEERING[verb](**named, **who)
            transaction.set_rollback(options["dry_run"])
        self._say({"collection": options["collection"], "dropped": True} if row is None else _told(row), options)

    def _say(self, row: Options, options: Options) -> None:
        told = "  ".join(f"{name} {value}" for name, value in row.items() if value not in ("", None, []))
        self.stdout.write(json.dumps(row) if options["json"] else told)


def _told(row: CutoverPlan) -> Options:
    return {
        "collection": row.collection,
        "steps": _steps(Plan.from_data(row.terms)),
        "paused": row.paused,
        "released": row.released,
        "decision": row.decision,
        "reason": row.reason,
        "until": row.until.isoformat() if row.until else None,
        "decided_at": row.decided_at.isoformat() if row.decided_at else None,
    }


def _steps(plan: Plan) -> list[str]:
    return [f"{step.percentage / 100:g} % for {step.seconds} s" for step in plan.steps]
