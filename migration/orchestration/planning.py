"""Plans carried out: the sweeper looks at each app's gates now and then, writes down what they say, and acts on it.

Who looks has raised the app's row of looks first, so one does. What is decided changes a stage only through the verbs
of `cutting_over`; a decision to wait is written over the one before and leaves no history.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction

from migration.config import setting
from migration.cutover import Requested, Requests, Standing, requests_of
from migration.cutover.gates import Gate, Limits, breach_of, gates_of
from migration.cutover.plans import (
    RELEASED_BY_HAND,
    Advance,
    AwaitRelease,
    Decision,
    Plan,
    PlanInvalid,
    Situation,
    StepBack,
    Wait,
    decide,
)
from migration.errors import MigrationError, NotFound, WrongState
from migration.lifecycle import audit
from migration.models import REST, App, CutoverPlan, GateReading, StageChange
from migration.orchestration import admitting, cutting_over
from migration.orchestration.cutting_over import BREACH, PLAN
from migration.orchestration.measuring import Measured, measure, standing_since
from migration.states import Stage

MOST_APPS = 20
"""Apps looked at in one sweep."""
ACTOR = "sweeper"

_CLAIM = """
WITH due AS (
    SELECT a.id FROM migration_app a LEFT JOIN migration_cutoverlook l ON l.app_id = a.id
    WHERE a.is_active AND (l.at IS NULL OR l.at <= %(before)s)
      AND (EXISTS (SELECT FROM migration_collectionstage s WHERE s.app_id = a.id)
           OR EXISTS (SELECT FROM migration_cutoverplan p WHERE p.app_id = a.id))
    ORDER BY l.at NULLS FIRST LIMIT %(most)s)
INSERT INTO migration_cutoverlook (app_id, at) SELECT id, %(at)s FROM due
ON CONFLICT (app_id) DO UPDATE SET at = excluded.at WHERE migration_cutoverlook.at <= %(before)s
RETURNING app_id
"""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class View:
    """How one collection stands: what is requested since when, its gates, what is amiss, and what would be done now."""

    collection: str
    requested: Requested
    since: datetime
    measured: Measured
    gates: list[Gate]
    breach: str | None
    decision: Decision


def look(*, at: datetime) -> int:
    """Look at the apps that are due, and act; return how many were looked at."""
    apps = App.objects.filter(id__in=_claim(at))
    for app in apps:
        try:
            _look_at(app, at=at)
        except (MigrationError, PlanInvalid) as error:  # one app's trouble is not the others'
            log.warning("look_failed", app=str(app.id), error=str(error))
    GateReading.objects.filter(at__lt=at - timedelta(days=setting("PULSE_DAYS"))).delete()
    return len(apps)


def _look_at(app: App, *, at: datetime) -> None:
    for view in views_of(app=app, at=at):
        _write_down(app, view, at=at)
        _act(app, view, at=at)


def views_of(*, app: App, at: datetime) -> list[View]:
    """Return how every collection with a stage or a plan of its own stands, and the rest; nothing is changed."""
    requests, plans = requests_of(app), {plan.collection: plan for plan in CutoverPlan.objects.filter(app=app)}
    since = standing_since(app, [*requests.each(), *plans])
    measured = measure(app=app, since=since, at=at)
    breaches = _breaches(app, plans)
    limits = Limits.of(app.limits)
    return [
        _view(
            requests,
            name,
            plans.get(name),
            since[name],
            measured[admitting.counted_as(name, requests)],
            limits,
            breaches.get(name, 0),
            at=at,
        )
        for name in since
    ]


def _view(
    requests: Requests,
    name: str,
    plan: CutoverPlan | None,
    since: datetime,
    measured: Measured,
    limits: Limits,
    breaches: int,
    *,
    at: datetime,
) -> View:
    requested = requests.of(name)
    gates = gates_of(stage=requested.stage, figures=measured.figures, limits=limits)
    breach = breach_of(window=measured.lately, limits=limits)
    situation = Situation(
        stage=requested.stage,
        percentage=requested.percentage,
        since=since,
        plan=Plan.from_data(plan.terms) if plan else None,
        paused=plan is not None and plan.paused,
        panic=requests.panic,
        released=Stage(plan.released) if plan and plan.released else None,
        breaches=breaches,
    )
    decision = decide(situation, gates=gates, breach=breach, now=at)
    return View(name, requested, since, measured, gates, breach, decision)


def _breaches(app: App, plans: Mapping[str, CutoverPlan]) -> dict[str, int]:
    """Count the steps back of each planned collection since a person last looked at its plan."""
    if not plans:
        return {}
    changes = StageChange.objects.filter(app=app, cause=BREACH, collection__in=list(plans))
    counted: dict[str, int] = {}
    for collection, when in changes.values_list("collection", "at"):
        if when >= plans[collection].attended_at:
            counted[collection] = counted.get(collection, 0) + 1
    return counted


def _claim(at: datetime) -> list[UUID]:
    before = at - timedelta(seconds=setting("LOOK_SECONDS"))
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"before": before, "most": MOST_APPS, "at": at})
        return [app_id for (app_id,) in cursor.fetchall()]


def _write_down(app: App, view: View, *, at: datetime) -> None:
    GateReading.objects.bulk_create(
        GateReading(
            app_id=app.id,
            collection=view.collection,
            name=gate.name,
            at=at,
            stage=view.requested.stage,
            figure=gate.figure,
            limit=gate.limit,
            passed=gate.passed,
        )
        for gate in view.gates
    )


# --- acting -----------------------------------------------------------------------------------------------------

_KINDS = {
    Advance: CutoverPlan.Decision.ADVANCE,
    StepBack: CutoverPlan.Decision.STEP_BACK,
    AwaitRelease: CutoverPlan.Decision.AWAIT_RELEASE,
    Wait: CutoverPlan.Decision.WAIT,
}


def _act(app: App, view: View, *, at: datetime) -> None:
    """Do what was decided, and write down what came of it."""
    told = view.decision
    if isinstance(told, Advance | StepBack) and (refusal := _change(app, view, told, at=at)):
        told = Wait(refusal)
    until = told.until if isinstance(told, Wait) else None
    kind = _KINDS[type(told)]
    changed: dict[str, Any] = {"decision": kind, "reason": told.reason, "until": until, "decided_at": at}
    if isinstance(told, StepBack):
        changed["released"] = ""
    CutoverPlan.objects.filter(app=app, collection=view.collection).update(**changed)


def _change(app: App, view: View, told: Advance | StepBack, *, at: datetime) -> str | None:
    """Change the stage where nobody else has meanwhile; return why that was refused."""
    cause = PLAN if isinstance(told, Advance) else BREACH
    figures = {"gates": [asdict(gate) for gate in view.gates], "lately": asdict(view.measured.lately)}
    named: dict[str, Any] = {
        "app_id": app.id,
        "collection": view.collection,
        "seen": Standing(view.requested.stage, view.requested.percentage),
        "why": cutting_over.Why(ACTOR, cause, told.reason, figures),
        "at": at,
    }
    try:
        if told.stage == view.requested.stage:
            cutting_over.set_percentage(percentage=told.percentage, **named)
        elif isinstance(told, StepBack):
            cutting_over.step_back(**named)
        elif told.stage == Stage.COMPLETE:
            cutting_over.complete(**named)
        else:
            cutting_over.advance(percentage=told.percentage if told.stage == Stage.RAMP else None, **named)
    except MigrationError as error:
        log.info("stage_not_changed", app=str(app.id), code=error.code)
        return error.detail
    return None


# --- what an operator says of plans -----------------------------------------------------------------------------


def set_plan(*, app_id: UUID, collection: str, plan: Plan, actor: str, at: datetime) -> CutoverPlan:
    """Give a collection a plan, in place of the one it had. Raises NotFound."""
    with transaction.atomic():
        app = App.objects.filter(id=app_id).first()
        if app is None:
            raise NotFound("There is no such app.")
        if collection != REST and collection not in cutting_over.collections_of(app):
            raise NotFound("There is no such collection in this app.")
        anew = {"terms": plan.as_data(), "paused": False, "released": "", "attended_at": at}
        undecided = {"decision": "", "reason": "", "until": None, "decided_at": None}
        row, _ = CutoverPlan.objects.update_or_create(
            app_id=app_id, collection=collection, defaults={**anew, **undecided}
        )
        _audit("plan_set", row, actor=actor, at=at, terms=plan.as_data())
    return row


def drop_plan(*, app_id: UUID, collection: str, actor: str, at: datetime) -> None:
    """Take a collection's plan away; it stays at its stage. Raises NotFound."""
    with transaction.atomic():
        row = _locked(app_id, collection)
        _audit("plan_dropped", row, actor=actor, at=at)
        row.delete()


def pause_plan(*, app_id: UUID, collection: str, actor: str, at: datetime) -> CutoverPlan:
    """Let a plan go no further; a breach steps back all the same. Raises NotFound; WrongState where it is paused."""
    with transaction.atomic():
        row = _locked(app_id, collection)
        if row.paused:
            raise WrongState("The plan is paused.", state="paused")
        return _say(row, "plan_paused", actor=actor, at=at, paused=True)


def resume_plan(*, app_id: UUID, collection: str, actor: str, at: datetime) -> CutoverPlan:
    """Let a plan go on that was paused, or that stepped back too often. Raises NotFound, WrongState."""
    with transaction.atomic():
        row = _locked(app_id, collection)
        stuck = _breaches(row.app, {collection: row}).get(collection, 0)
        if not row.paused and not stuck:
            raise WrongState("The plan is not paused.", state="running")
        return _say(row, "plan_resumed", actor=actor, at=at, paused=False, attended_at=at)


def release(*, app_id: UUID, collection: str, stage: Stage, actor: str, at: datetime) -> CutoverPlan:
    """Let a plan go on to `server_primary` or `complete` once gates hold. Raises NotFound, WrongState for any other."""
    if stage not in RELEASED_BY_HAND:
        raise WrongState("Only server_primary and complete are released.", state=str(stage))
    with transaction.atomic():
        return _say(_locked(app_id, collection), "plan_released", actor=actor, at=at, released=stage)


def _locked(app_id: UUID, collection: str) -> CutoverPlan:
    plans = CutoverPlan.objects.select_for_update(of=("self",)).select_related("app")
    row = plans.filter(app_id=app_id, collection=collection).first()
    if row is None:
        raise NotFound("There is no such plan.")
    return row


def _say(row: CutoverPlan, action: str, *, actor: str, at: datetime, **columns: Any) -> CutoverPlan:
    for name, value in columns.items():
        setattr(row, name, value)
    row.save(update_fields=list(columns))
    said = {name: str(value) for name, value in columns.items() if name != "attended_at"}
    _audit(action, row, actor=actor, at=at, **said)
    return row


def _audit(action: str, row: CutoverPlan, *, actor: str, at: datetime, **data: Any) -> None:
    told = {"collection": row.collection, **data}
    audit(actor=actor, action=action, target=row.id, at=at, app_id=row.app_id, data=told)
