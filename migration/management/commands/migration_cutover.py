"""`manage.py migration_cutover`: stages of an app's collections from the terminal."""

import getpass
import json
import time
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from migration import cutover
from migration.cutover import Action, Comparison, Standing
from migration.errors import GatesClosed, MigrationError
from migration.models import REST, App, CollectionStage, StageChange
from migration.orchestration import admitting, cutting_over
from migration.orchestration.cutting_over import ONWARD, Why
from migration.reports import REASONS, census_of, unserved_by_panic

NOTHING, NOT_EVERYWHERE, CLOSED = 3, 4, 5
"""Exit codes: there was nothing to do; a change does not hold everywhere within --wait; gates do not hold."""
_LOOK = 0.1
_VERBS: dict[str, tuple[Action, Callable[..., StageChange]]] = {
    "advance": (Action.ADVANCE, cutting_over.advance),
    "back": (Action.STEP_BACK, cutting_over.step_back),
    "set": (Action.SET_PERCENTAGE, cutting_over.set_percentage),
    "complete": (Action.COMPLETE, cutting_over.complete),
    "panic": (Action.PANIC, cutting_over.panic),
    "release": (Action.RELEASE_PANIC, cutting_over.release_panic),
    "rejoin": (Action.REJOIN, cutting_over.rejoin),
    "compare": (Action.COMPARE, cutting_over.set_comparison),
}
_OF_THE_APP = ("panic", "release")
Options = dict[str, Any]


class Command(BaseCommand):
    """Exit codes: 0 done, 1 refused (the message says why), 2 wrong usage, 3 nothing to do, 4 not everywhere, 5 shut.

    A refusal by gates is told on the output, too: {code, detail, gates}.
    """

    help = (
        "Stages of an app's collections: show, history, advance, back, set (the share of a ramp), complete, compare, "
        "rejoin (the rest), panic, release. Exit codes: 0 done; 1 refused, the message says why; 2 wrong usage; "
        "3 nothing to do; 4 done, but within --wait it did not come to hold everywhere; 5 gates do not hold."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the verbs and what they take."""
        parser.add_argument("verb", choices=["show", "history", *_VERBS])
        parser.add_argument("--app", required=True, help="the app's slug")
        parser.add_argument("--collection", default=REST, help="only this one; without it all that have no line")
        parser.add_argument("--percent", type=_percent, help="share of the owners, for set and the advance to the ramp")
        parser.add_argument("--rate", type=float, help="of compare: share of the reads that are compared, 0 to 1")
        parser.add_argument("--ignore", action="append", metavar="POINTER", help="of compare: what may differ")
        parser.add_argument("--comparator", choices=CollectionStage.Comparator.values, help="of compare")
        parser.add_argument("--reason", default="", help="why, for the history")
        parser.add_argument("--force", action="store_true", help="go on although gates do not hold; needs --reason")
        parser.add_argument("--wait", type=float, default=0.0, help="seconds to wait until it holds everywhere")
        parser.add_argument("--json", action="store_true", help="one JSON object a line")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done and do nothing")

    def handle(self, *_args: Any, verb: str, app: str, **options: Any) -> None:
        """Do the verb."""
        found = App.objects.filter(slug=app).first()
        if found is None:
            raise CommandError(f"there is no app {app!r}", returncode=2)
        _check_usage(verb, options)
        try:
            if verb in ("show", "history"):
                getattr(self, f"_{verb}")(found, options)
            else:
                self._change(found, verb, options)
        except GatesClosed as error:
            self._say({"code": error.code, "detail": error.detail, **error.extras}, options)
            raise CommandError(error.detail, returncode=CLOSED) from error
        except MigrationError as error:
            raise CommandError(error.detail) from error

    def _show(self, app: App, options: Options) -> None:
        requests = cutover.requests_of(app)
        census = census_of(app_id=app.id, requests=requests)
        for name, asked in requests.each().items():
            row = {"collection": name, "requested": str(asked.stage), "percentage": asked.percentage}
            holds = [
                {"stage": str(one.stage), "reason": str(one.reason), "devices": one.devices}
                for one in census.shares[name]
            ]
            self._say({**row, "panic": app.panic, "epoch": app.epoch, "holds": holds}, options)
        if app.panic:
            self._say(_unserved(app), options)

    def _history(self, app: App, options: Options) -> None:
        changes = StageChange.objects.filter(app=app)
        if options["collection"] != REST:
            changes = changes.filter(collection=options["collection"])
        rows = [_told(change) for change in changes[:100]]
        for row in rows:
            self._say(row, options)
        if not rows:
            raise CommandError("nothing to do", returncode=NOTHING)

    def _change(self, app: App, verb: str, options: Options) -> None:
        action, act = _VERBS[verb]
        collection, share = options["collection"], options["percent"]
        now = cutting_over.standing_of(app, collection)
        if (action == Action.PANIC and now.panic) or (action == Action.RELEASE_PANIC and not now.panic):
            raise CommandError("nothing to do", returncode=NOTHING)
        if action == Action.SET_PERCENTAGE and now == Standing(now.stage, share, now.panic) and now.stage == "ramp":
            raise CommandError("nothing to do", returncode=NOTHING)
        if options["dry_run"]:
            self._foresee(app, action, options)
            return
        why = Why(actor=f"command:{getpass.getuser()}", reason=options["reason"], force=options["force"])
        change = act(app_id=app.id, why=why, at=timezone.now(), **_given(app, verb, options))
        holds = _wait(change, options["wait"])
        self._say(_told(change) | (_unserved(app) if action == Action.PANIC else {}), options)
        if options["wait"] and not holds:
            raise CommandError("it does not hold everywhere yet", returncode=NOT_EVERYWHERE)

    def _foresee(self, app: App, action: Action, options: Options) -> None:
        named = {"collection": options["collection"], "percentage": options["percent"]}
        before, after = cutting_over.preview(app_id=app.id, action=action, **named)
        told = {"from_stage": str(before.stage), "to_stage": str(after.stage), "from_percentage": before.percentage}
        row = {"action": str(action), "collection": options["collection"], **told}
        row |= {"to_percentage": after.percentage, "panic": after.panic}
        if action == Action.PANIC:
            row |= _unserved(app)
        if action in ONWARD and cutover.is_ahead(after, of=before):
            gates = admitting.gates_now(app=app, collection=options["collection"], at=timezone.now())
            row |= {"gates": [asdict(gate) for gate in gates]}
            self._say(row, options)
            admitting.admit(gates, force=options["force"])
            return
        self._say(row, options)

    def _say(self, row: Options, options: Options) -> None:
        self.stdout.write(json.dumps(row) if options["json"] else "\n".join(_in_words(row)))


def _in_words(row: Options) -> list[str]:
    """Return a row as people read it: its figures in one line, then gates and devices a line each."""
    plain = {name: value for name, value in row.items() if name not in ("figures", "gates", "unserved")}
    lines = ["  ".join(f"{name} {value}" for name, value in plain.items() if value not in ("", None, []))]
    gates = row.get("gates") or row.get("figures", {}).get("gates", [])
    lines += [f"  [{'x' if gate['passed'] else ' '}] {gate['name']}: {gate['reason']}" for gate in gates]
    unserved = row.get("unserved", {"counts": {}, "listed": []})
    for reason, count in unserved["counts"].items():
        lines.append(f"  not served: {count['devices']} devices of {count['owners']} owners. {REASONS[reason]}")
    lines += [
        f"    owner {one['owner_id']}  device {one['device_id']}  {one['reason']}  seen {one['seen_at']}"
        for one in unserved["listed"]
    ]
    return [line for line in lines if line]


def _percent(text: str) -> int:
    """Read a share in percent; return it in basis points."""
    try:
        return round(float(text) * 100)
    except (ValueError, OverflowError) as error:
        raise ArgumentTypeError(f"{text!r} is no number") from error


def _check_usage(verb: str, options: Options) -> None:
    """Refuse what cannot be meant, before anything is looked up."""
    if verb == "set" and options["percent"] is None:
        raise CommandError("set needs --percent", returncode=2)
    if options["percent"] is not None and verb not in ("set", "advance"):
        raise CommandError("--percent goes with set and advance", returncode=2)
    if options["force"] and not (_VERBS.get(verb, ("",))[0] in ONWARD and options["reason"].strip()):
        raise CommandError("--force goes with advance, set and complete, and with a --reason", returncode=2)
    if verb == "rejoin" and options["collection"] == REST:
        raise CommandError("rejoin needs --collection", returncode=2)
    if verb in _OF_THE_APP and options["collection"] != REST:
        raise CommandError(f"{verb} is of the whole app", returncode=2)
    said = any(options[name] is not None for name in ("rate", "ignore", "comparator"))
    if said != (verb == "compare"):
        raise CommandError("compare needs --rate, --ignore or --comparator; nothing else does", returncode=2)


def _given(app: App, verb: str, options: Options) -> Options:
    if verb in _OF_THE_APP:
        return {}
    given: Options = {"collection": options["collection"]}
    if options["percent"] is not None:
        given["percentage"] = options["percent"]
    if verb == "compare":
        now = cutover.requests_of(app).of(options["collection"]).comparison
        given["comparison"] = Comparison(
            now.rate if options["rate"] is None else options["rate"],
            now.ignore if options["ignore"] is None else tuple(options["ignore"]),
            options["comparator"] or now.comparator,
        )
    return given


def _unserved(app: App) -> Options:
    """Return whom a panic does not serve, under one name."""
    return {"unserved": unserved_by_panic(app=app, at=timezone.now()).as_data()}


def _wait(change: StageChange, seconds: float) -> bool:
    """Look until a change holds everywhere, or the time is over; tell whether it does."""
    until = time.monotonic() + seconds
    while change.effective_at is None and time.monotonic() < until:
        time.sleep(_LOOK)
        cutover.settle([change], at=timezone.now())
        change.refresh_from_db()
    return change.effective_at is not None


def _told(change: StageChange) -> Options:
    moved = {"from_stage": change.from_stage, "to_stage": change.to_stage}
    shares = {"from_percentage": change.from_percentage, "to_percentage": change.to_percentage}
    who = {"actor": change.actor, "cause": change.cause, "reason": change.reason, "figures": change.figures}
    holds = change.effective_at.isoformat() if change.effective_at else None
    named = {"change": str(change.id), "action": change.action, "collection": change.collection}
    return {
        **named,
        **moved,
        **shares,
        **who,
        "epoch": change.epoch,
        "at": change.at.isoformat(),
        "effective_at": holds,
    }
