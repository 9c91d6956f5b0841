"""`manage.py migration_rollback`: ways back from the terminal, of a run, an owner, a part of one, or a whole app."""

import getpass
import json
from argparse import ArgumentParser
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from migration import rollback
from migration.errors import MigrationError
from migration.models import App, AppPoint, AppRollback, MigrationRun, Rollback, RollbackPoint
from migration.orchestration import rolling_back, rolling_back_apps
from migration.orchestration.rolling_back_apps import Forecast
from migration.rollback import EVERYTHING, Outcome, Reason, Within
from migration.values.lines import literal

NOTHING = 3
"""Exit code when there was nothing to do."""
_STEERING = ("pause", "resume", "retry")
Options = dict[str, Any]


class Command(BaseCommand):
    """Exit codes: 0 done, 1 refused (the message says why), 2 wrong usage, 3 nothing to do."""

    help = "Rollback points and rollbacks; `on` puts owners on again that a rollback took off."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the verbs and what they take."""
        verbs = ["points", "point", "preview", "start", "status", *_STEERING, "undo", "on"]
        parser.add_argument("verb", choices=verbs)
        parser.add_argument("--app", required=True, help="the app's slug; alone it means all owners of the app")
        parser.add_argument("--owner", type=UUID, help="only this owner, by its id")
        parser.add_argument("--run", type=UUID, help="take back what this run wrote")
        parser.add_argument("--point", type=UUID, help="the rollback point to go back to")
        parser.add_argument("--to", type=int, help="the revision of the owner to go back to, instead of a point")
        parser.add_argument("--collection", help="of the owner only this collection")
        parser.add_argument("--record", metavar="KEY", help="of the owner only this key")
        parser.add_argument(
            "--rollback", type=UUID, help="the rollback status, pause, resume, retry and undo are about"
        )
        parser.add_argument("--name", help="what a new point is called")
        parser.add_argument("--key", type=UUID, help="idempotency key: asked again under it, nothing is done twice")
        parser.add_argument("--json", action="store_true", help="one JSON object a line")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done and do nothing")

    def handle(self, *_args: Any, verb: str, app: str, **options: Any) -> None:
        """Do the verb."""
        found = App.objects.filter(slug=app).first()
        if found is None:
            raise CommandError(f"there is no app {app!r}", returncode=2)
        _check_usage(verb, options)
        do = partial(self._steer, verb) if verb in _STEERING else getattr(self, f"_{verb}")
        try:
            do(found, options)
        except MigrationError as error:
            raise CommandError(error.detail) from error

    def _points(self, app: App, options: Options) -> None:
        if options["owner"]:
            listed = RollbackPoint.objects.filter(owner_id=options["owner"], owner__app=app).order_by("-created_at")
            rows = [_point(one) for one in listed]
        else:
            rows = [_app_point(one) for one in AppPoint.objects.filter(app=app).order_by("-created_at")]
        self._say_all(rows, options)

    def _point(self, app: App, options: Options) -> None:
        told: Options = {"name": options["name"], "actor": _actor(), "at": timezone.now()}
        if options["dry_run"]:
            order = AppRollback(app=app, created_at=told["at"])
            owners = 1 if options["owner"] else rollback.census_of(order).owners
            self._say({"name": told["name"], "owners": owners}, options)
        elif options["owner"]:
            self._say(_point(rollback.create_point(owner_id=_owner(app, options), **told)), options)
        else:
            self._say(_app_point(rollback.create_app_point(app_id=app.id, **told)), options)

    def _preview(self, app: App, options: Options) -> None:
        reasons, found = _aimed(app, options, asking=False)(at=timezone.now())
        self._foresee(reasons, found, options)

    def _start(self, app: App, options: Options) -> None:
        if options["dry_run"]:
            self._preview(app, options)
            return
        ask = _aimed(app, options, asking=True)
        self._say(_asked(ask(idempotency_key=options["key"] or uuid4(), actor=_actor(), at=timezone.now())), options)

    def _undo(self, app: App, options: Options) -> None:
        order, named = _rollback(app, options)
        of_app = isinstance(order, AppRollback)
        if options["dry_run"]:
            preview: Any = rolling_back_apps.preview_app_undo if of_app else rolling_back.preview_undo
            reasons, found = preview(**named, at=timezone.now())
            self._foresee(reasons, found, options)
            return
        undo: Any = rolling_back_apps.undo_app_rollback if of_app else rolling_back.undo
        key = options["key"] or uuid4()
        self._say(_asked(undo(**named, idempotency_key=key, actor=_actor(), at=timezone.now())), options)

    def _status(self, app: App, options: Options) -> None:
        if options["rollback"]:
            self._say(_asked(_rollback(app, options)[0]), options)
            return
        orders = AppRollback.objects.filter(app=app).order_by("-created_at")[:50]
        self._say_all([_asked(one) for one in orders], options)

    def _on(self, app: App, options: Options) -> None:
        off = app.owners.filter(switched_off=True)
        count = off.filter(id=options["owner"]).count() if options["owner"] else off.count()
        if not options["dry_run"] and options["owner"]:
            rolling_back.put_owner_on(owner_id=_owner(app, options), actor=_actor(), at=timezone.now())
        elif not options["dry_run"]:
            count = rolling_back.put_owners_on(app_id=app.id, actor=_actor(), at=timezone.now())
        self._say({"owners": count}, options)
        if not count:
            raise CommandError("nothing to do", returncode=NOTHING)

    def _steer(self, verb: str, app: App, options: Options) -> None:
        order, named = _rollback(app, options)
        if isinstance(order, Rollback):
            raise CommandError(f"only the rollback of a whole app can be told to {verb}", returncode=2)
        if not options["dry_run"]:
            steer = getattr(rolling_back_apps, f"{verb}_app_rollback")
            order = steer(**named, actor=_actor(), at=timezone.now())
        self._say(_asked(order), options)

    def _foresee(self, reasons: list[Reason], found: Outcome | Forecast, options: Options) -> None:
        told = [{"code": reason.code, "detail": reason.detail} for reason in reasons]
        self._say({**_foreseen(found), "reasons": told}, options)
        if reasons:
            raise CommandError(reasons[0].detail)
        if not found.reverted:
            raise CommandError("nothing to do", returncode=NOTHING)

    def _say_all(self, rows: list[Options], options: Options) -> None:
        for row in rows:
            self._say(row, options)
        if not rows:
            raise CommandError("nothing to do", returncode=NOTHING)

    def _say(self, row: Options, options: Options) -> None:
        told = "  ".join(f"{name} {value}" for name, value in row.items() if value not in ("", None, []))
        self.stdout.write(json.dumps(row) if options["json"] else told)


def _check_usage(verb: str, options: Options) -> None:
    """Refuse what cannot be meant, before anything is looked up."""
    needs = {"point": "name", "undo": "rollback", **dict.fromkeys(_STEERING, "rollback")}.get(verb)
    if needs and not options[needs]:
        raise CommandError(f"{verb} needs --{needs}", returncode=2)
    if verb not in ("preview", "start") or options["run"]:
        return
    if options["owner"] is None:
        if options["point"] is None or options["to"] is not None or _is_part(options):
            raise CommandError("a whole app goes back to a --point; parts are of an --owner", returncode=2)
    elif (options["point"] is None) == (options["to"] is None):
        raise CommandError("an owner goes back to a --point or --to a revision", returncode=2)
    elif options["collection"] is not None and options["record"] is not None:
        raise CommandError("either --collection or --record", returncode=2)


def _is_part(options: Options) -> bool:
    return options["collection"] is not None or options["record"] is not None


def _aimed(app: App, options: Options, *, asking: bool) -> Callable[..., Any]:
    """Return the conductor's verb for what was named, everything but who and when put in."""
    if options["run"]:
        run = MigrationRun.objects.filter(id=options["run"], app=app).first()
        if run is None:
            raise CommandError("There is no such run.")
        act: Any = rolling_back.request_run_rollback if asking else rolling_back.preview_run
        return partial(act, owner_id=run.owner_id, run_id=run.id)
    if options["owner"] is None:
        act = rolling_back_apps.request_app_rollback if asking else rolling_back_apps.preview_app
        return partial(act, app_id=app.id, point_id=options["point"])
    named: Options = {"owner_id": _owner(app, options), "within": _within(app, options)}
    if options["to"] is not None:
        act = rolling_back.request_revision_rollback if asking else rolling_back.preview_revision
        return partial(act, revision=options["to"], **named)
    act = rolling_back.request_point_rollback if asking else rolling_back.preview_point
    return partial(act, point_id=options["point"], **named)


def _within(app: App, options: Options) -> Within:
    if options["collection"] is not None:
        return Within.of_collection(options["collection"])
    if options["record"] is not None:
        return Within.of_record(namespace=app.namespace, key_json=literal(options["record"]).decode())
    return EVERYTHING


def _owner(app: App, options: Options) -> UUID:
    owner_id = app.owners.filter(id=options["owner"]).values_list("id", flat=True).first()
    if owner_id is None:
        raise CommandError("There is no such owner.")
    return owner_id


def _rollback(app: App, options: Options) -> tuple[AppRollback | Rollback, Options]:
    """Return the rollback that was named and how the verbs name it."""
    named = options["rollback"]
    of_app = AppRollback.objects.filter(id=named, app=app).first()
    if of_app is not None:
        return of_app, {"app_id": app.id, "app_rollback_id": of_app.id}
    of_owner = Rollback.objects.filter(id=named, owner__app=app).first()
    if of_owner is None:
        raise CommandError("There is no such rollback.")
    return of_owner, {"owner_id": of_owner.owner_id, "rollback_id": of_owner.id}


def _foreseen(found: Outcome | Forecast) -> Options:
    keys = {"go_back": found.reverted, "absent": found.deleted, "collide": found.journaled}
    if isinstance(found, Outcome):
        return {**keys, "kept": found.kept_count}
    census = found.census
    return {"owners": census.owners, "absent_owners": census.absent, "changed_owners": census.changed, **keys}


def _asked(order: AppRollback | Rollback) -> Options:
    whole = {"rollback": str(order.id), "state": str(order.state), "actor": order.actor}
    ended = {"finished_at": order.finished_at.isoformat() if order.finished_at else None}
    if isinstance(order, Rollback):
        counts = {"go_back": order.reverted, "absent": order.deleted, "kept": order.kept, "collide": order.journaled}
        return {**whole, "scope": str(order.scope), **counts, "failure": order.failure, **ended}
    now = rolling_back_apps.progress_of(order, at=timezone.now())
    owners = {"owners": now.owners, "absent_owners": order.absent, "done": now.done, "failed": now.failed}
    keys = {"go_back": now.reverted, "absent": now.deleted, "collide": now.journaled}
    pace = {"per_second": now.pace.entries_per_second, "eta_seconds": now.pace.eta_seconds}
    return {**whole, **owners, **keys, **pace, **ended}


def _point(point: RollbackPoint) -> Options:
    made = point.created_at.isoformat()
    return {"point": str(point.id), "name": point.name, "revision": point.revision, "created_at": made}


def _app_point(point: AppPoint) -> Options:
    made = point.created_at.isoformat()
    return {"point": str(point.id), "name": point.name, "owners": point.owners, "created_at": made}


def _actor() -> str:
    return f"command:{getpass.getuser()}"
