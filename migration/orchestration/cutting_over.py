"""Changes of what is requested of an app's collections: each in one transaction, with its line in history and audit.

Everybody who may change a stage comes through here: an operator, a plan, a breach. Who comes second finds the app's
row as the first left it.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from migration import cutover, lifecycle, progress
from migration.cutover import Action, Comparison, Standing
from migration.errors import NotFound, StageChangeInvalid, WrongState
from migration.models import LONGEST_POINTER, REST, App, CollectionSchema, CollectionStage, CutoverPlan, StageChange
from migration.orchestration import admitting, hooks
from migration.values.collections import DEFAULT

OPERATOR, PLAN, BREACH = "operator", "plan", "breach"
"""Causes of a change."""
_MOST_POINTERS = 100
ONWARD = (Action.ADVANCE, Action.SET_PERCENTAGE, Action.COMPLETE)
"""Actions after which the server may serve more owners."""
_OF_THE_APP = (Action.PANIC, Action.RELEASE_PANIC)


@dataclass(frozen=True, slots=True)
class Why:
    """Who changes a stage and on what ground.

    `cause` says which kind of asker it is (operator, plan, breach), `reason` why in words, `figures` what it was
    decided on. `force`: a person goes on although gates do not hold.
    """

    actor: str
    cause: str = OPERATOR
    reason: str = ""
    figures: dict[str, Any] = field(default_factory=dict)
    force: bool = False


def advance(
    *,
    app_id: UUID,
    collection: str = REST,
    percentage: int | None = None,
    seen: Standing | None = None,
    why: Why,
    at: datetime,
) -> StageChange:
    """Advance a collection by one stage; `percentage` (basis points) is what a ramp begins with.

    `seen` is where the asker saw it stand: what has moved since is not moved on. Raises NotFound, WrongState (with
    `state`), StageChangeInvalid; of a person GatesClosed (with `gates`) where it is not forced.
    """
    asked = _Asked(app_id, collection, Action.ADVANCE, percentage, seen)
    return _change(asked, why=why, at=at)


def step_back(
    *, app_id: UUID, collection: str = REST, seen: Standing | None = None, why: Why, at: datetime
) -> StageChange:
    """Take a collection one stage back. Raises NotFound, WrongState."""
    return _change(_Asked(app_id, collection, Action.STEP_BACK, None, seen), why=why, at=at)


def set_percentage(
    *, app_id: UUID, collection: str = REST, percentage: int, seen: Standing | None = None, why: Why, at: datetime
) -> StageChange:
    """Let a ramp serve another share of the owners (basis points). Raises as `advance`."""
    return _change(_Asked(app_id, collection, Action.SET_PERCENTAGE, percentage, seen), why=why, at=at)


def complete(
    *, app_id: UUID, collection: str = REST, seen: Standing | None = None, why: Why, at: datetime
) -> StageChange:
    """Release the last stage of a collection: the server alone, and no step back. Raises as `advance`."""
    return _change(_Asked(app_id, collection, Action.COMPLETE, None, seen), why=why, at=at)


def rejoin(*, app_id: UUID, collection: str, seen: Standing | None = None, why: Why, at: datetime) -> StageChange:
    """Let a collection with a stage of its own go with the rest again; its plan and its comparison are dropped.

    Raises NotFound, WrongState where the rest is ahead of it.
    """
    return _change(_Asked(app_id, collection, Action.REJOIN, None, seen), why=why, at=at)


def panic(*, app_id: UUID, why: Why, at: datetime) -> StageChange:
    """Let every browser of an app read from itself, whatever the stages are. Raises NotFound, WrongState."""
    return _change(_Asked(app_id, REST, Action.PANIC), why=why, at=at)


def release_panic(*, app_id: UUID, why: Why, at: datetime) -> StageChange:
    """End a panic: the stages hold again as they are requested. Raises NotFound, WrongState."""
    return _change(_Asked(app_id, REST, Action.RELEASE_PANIC), why=why, at=at)


def set_comparison(
    *, app_id: UUID, collection: str = REST, comparison: Comparison, why: Why, at: datetime
) -> StageChange:
    """Change how reads of a collection are compared. Raises NotFound, StageChangeInvalid."""
    pointers = comparison.ignore
    fits = 0 <= comparison.rate <= 1 and all(_is_pointer(one) for one in pointers)
    if not fits or comparison.comparator not in CollectionStage.Comparator.values or len(pointers) > _MOST_POINTERS:
        raise StageChangeInvalid
    columns = {
        "compare_rate": comparison.rate,
        "compare_ignore": list(pointers),
        "comparator": comparison.comparator,
    }
    return _change(_Asked(app_id, collection, Action.COMPARE, columns=columns), why=why, at=at)


def _is_pointer(text: str) -> bool:
    return (text == "" or text.startswith("/")) and len(text) <= LONGEST_POINTER and "\x00" not in text


def preview(
    *, app_id: UUID, collection: str, action: Action, percentage: int | None = None
) -> tuple[Standing, Standing]:
    """Return where a collection stands and where an action would take it, changing nothing. Raises as the action."""
    app = App.objects.filter(id=app_id).first()
    if app is None:
        raise NotFound("There is no such app.")
    _refuse_unknown(app, collection)
    now = standing_of(app, collection)
    return now, cutover.changed(now, action, percentage=percentage, rest=rest_of(app, collection))


def standing_of(app: App, collection: str) -> Standing:
    """Return where a collection of an app stands."""
    asked = cutover.requests_of(app).of(collection)
    return Standing(asked.stage, asked.percentage, app.panic)


def rest_of(app: App, collection: str) -> Standing | None:
    """Return where the rest stands that a collection does not go with; None where it goes with it."""
    requests = cutover.requests_of(app)
    return Standing(requests.rest.stage, requests.rest.percentage, app.panic) if collection in requests.own else None


def collections_of(app: App) -> list[str]:
    """Return the names a stage of its own can be given to: those declared, seen, or with one already."""
    declared = {one["name"] for one in app.collections}
    seen = CollectionSchema.objects.filter(app=app).values_list("collection", flat=True)
    own = CollectionStage.objects.filter(app=app).exclude(collection=REST).values_list("collection", flat=True)
    return sorted({*declared, *seen, *own, DEFAULT})


@dataclass(frozen=True, slots=True)
class _Asked:
    app_id: UUID
    collection: str
    action: Action
    percentage: int | None = None
    seen: Standing | None = None
    columns: dict[str, Any] = field(default_factory=dict)


def _change(asked: _Asked, *, why: Why, at: datetime) -> StageChange:
    """Make one change whole, tell the open pages of the app's owners, and see whether it holds everywhere yet."""
    asked, why = _admitted(asked, why=why, at=at)
    with transaction.atomic():
        app = lifecycle.lock_app(asked.app_id)
        _refuse_unknown(app, asked.collection)
        before = standing_of(app, asked.collection)
        _refuse_moved(before, asked.seen)
        rest = rest_of(app, asked.collection)
        after = cutover.changed(before, asked.action, percentage=asked.percentage, rest=rest)
        change = _write(app, asked, before, after, why=why, at=at)
        progress.announce_app_epoch(app.id, change.epoch)
    if not transaction.get_connection().in_atomic_block:
        cutover.settle([change], at=at)
        change.refresh_from_db()
    return change


def _write(app: App, asked: _Asked, before: Standing, after: Standing, *, why: Why, at: datetime) -> StageChange:
    if asked.action == Action.REJOIN:
        lifecycle.forget_row(app, asked.collection)
        _drop_plan(app, asked.collection, why=why, at=at)
    elif asked.action not in _OF_THE_APP:
        row = lifecycle.row_of(app, asked.collection, at=at)
        lifecycle.move_stage(row, after.stage, at=at, percentage=after.percentage, **asked.columns)
    moved = {
        "from_stage": before.stage, "to_stage": after.stage,
        "from_percentage": before.percentage, "to_percentage": after.percentage,
    }  # fmt: skip
    change = lifecycle.note_stage_change(
        app, panic=after.panic, at=at, collection=asked.collection, action=asked.action, actor=why.actor,
        cause=why.cause, reason=why.reason, figures=why.figures, **moved,
    )  # fmt: skip
    told = {"collection": asked.collection, "cause": why.cause, "reason": why.reason, "epoch": change.epoch, **moved}
    if why.figures.get("forced"):
        told["forced_against"] = [gate["name"] for gate in why.figures["gates"] if not gate["passed"]]
    lifecycle.audit(
        actor=why.actor, action=f"stage_{asked.action}", target=app.id, at=at, app_id=app.id, data=told | asked.columns
    )
    return change


def _admitted(asked: _Asked, *, why: Why, at: datetime) -> tuple[_Asked, Why]:
    """Ask gates and hooks whether more owners may be served; return why, with what it was decided on.

    A plan has asked the gates itself. Whoever says no is told with the reason. No lock is held meanwhile, so what was
    asked is from now on asked of where the collection stood.
    """
    if asked.action not in ONWARD:
        return asked, why
    named: dict[str, Any] = {"app_id": asked.app_id, "collection": asked.collection}
    before, after = preview(action=asked.action, percentage=asked.percentage, **named)
    if not cutover.is_ahead(after, of=before):
        return asked, why
    app = App.objects.get(id=asked.app_id)
    if why.cause == OPERATOR:
        gates = admitting.gates_now(app=app, collection=asked.collection, at=at)
        why = replace(why, figures=why.figures | admitting.admit(gates, force=why.force))
    if hooks.are_set():
        _refuse_vetoed(app, asked, before, after, why=why, at=at)
    return replace(asked, seen=asked.seen or before), why


def _refuse_vetoed(app: App, asked: _Asked, before: Standing, after: Standing, *, why: Why, at: datetime) -> None:
    question = hooks.Question(
        app=app.publishable_key,
        collection=asked.collection,
        from_stage=before.stage,
        from_percentage=before.percentage,
        to_stage=after.stage,
        to_percentage=after.percentage,
        actor=why.actor,
        reason=why.reason,
        figures=why.figures,
        at=at.timestamp(),
    )
    if vetoes := hooks.vetoes(question):
        raise WrongState(" ".join(vetoes), state=str(before.stage))


def _drop_plan(app: App, collection: str, *, why: Why, at: datetime) -> None:
    """Take the plan of a collection away that goes with the rest: it would lead it away from there again."""
    for plan in CutoverPlan.objects.filter(app=app, collection=collection):
        told = {"collection": collection, "terms": plan.terms}
        lifecycle.audit(actor=why.actor, action="plan_dropped", target=plan.id, at=at, app_id=app.id, data=told)
        plan.delete()


def _refuse_unknown(app: App, collection: str) -> None:
    if collection != REST and collection not in collections_of(app):
        raise NotFound("There is no such collection in this app.")


def _refuse_moved(now: Standing, seen: Standing | None) -> None:
    if seen is not None and (seen.stage, seen.percentage) != (now.stage, now.percentage):
        raise WrongState("Somebody else has changed the stage meanwhile.", state=str(now.stage))
