"""Refused entries tried again: asked for once, previewed by the same function, done by workers batch by batch.

An entry goes the way of every entry: judged by the rules that hold now, mapped, merged under its owner's lock. What its
device has written under the key since then is newer and stays. The receipt is not touched: it says how things stood.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, IntegerField, Max, QuerySet
from django.db.models.functions import Length

from migration import dispatch, lifecycle
from migration.config import fault_point, setting
from migration.detection import find_secret
from migration.errors import EditInvalid, IdempotencyMismatch, NotFound, NothingToReplay
from migration.events import Happening
from migration.loading import POISON, Part, replay, wait_for_owners
from migration.mapping import DataMapper
from migration.models import MigrationRun, QuarantineEntry, Replay
from migration.orchestration.pipeline import RunPlan, plans_for
from migration.orchestration.quarantine import Cause
from migration.states import QuarantineState, RunState
from migration.values import edits
from migration.values.edits import Change, Unfit
from migration.values.lines import Line, Lines, decode_line, encode_line
from migration.values.refusals import Refusal

BATCH = 500
"""Entries of one transaction at most."""
BATCH_BYTES = 8_388_608
"""Bytes of lines of one transaction at most (a single longer one is taken alone)."""
_TAKE_NOTHING = {RunState.ROLLING_BACK, RunState.ROLLED_BACK, RunState.EXPIRED}


@dataclass(slots=True)
class Trial:
    """What came of a batch: entries by what happened to them, and the merge's outcomes."""

    replayed: list[QuarantineEntry] = field(default_factory=list)
    refused: list[tuple[QuarantineEntry, Refusal]] = field(default_factory=list)
    unfit: list[QuarantineEntry] = field(default_factory=list)
    closed: list[QuarantineEntry] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    last: int = 0
    is_end: bool = False


def preview(order: Replay, *, at: datetime) -> Trial:
    """Return what the first batch of an order would come to: the same function without the commit."""
    with transaction.atomic():
        trial = _batch(order, at=at)
        transaction.set_rollback(True)
    return trial


def entry_order(entry: QuarantineEntry, *, value: str | None = None) -> Replay:
    """Return the order (not asked for yet) to try one entry again, with another value if one is given.

    The key stays: another key would be another record. Raises NothingToReplay when the entry is not open, EditInvalid
    when it is a deletion or the value looks like a secret, which no chunk could have brought either.
    """
    if entry.state != QuarantineState.OPEN:
        raise NothingToReplay("This entry is not open.")
    order = _order(Cause.of(entry), last=entry.id)
    order.entry = entry
    if value is not None:
        line = decode_line(bytes(entry.line))
        if line.value is None:
            raise EditInvalid("This entry is a deletion; it has no value.")
        if finding := find_secret(line.key, value):
            raise EditInvalid(f"The value looks like a secret ({finding.rule}).")
        order.line = encode_line(line.key, value)
    return order


def cause_order(cause: Cause, *, changes: Sequence[Change] = ()) -> Replay:
    """Return the order (not asked for yet) to try all open entries of a cause again, with `changes` made to each.

    Raises NothingToReplay when there is none.
    """
    last = _open(cause.entries()).aggregate(last=Max("id"))["last"]
    if last is None:
        raise NothingToReplay
    order = _order(cause, last=last)
    order.changes = [{"op": one.op, "path": one.path, "value": one.value} for one in changes]
    return order


def changes_between(entry: QuarantineEntry, value: str) -> list[Change]:
    """Return what makes an entry's value into `value`, to be made to others alike. Raises EditInvalid."""
    original = decode_line(bytes(entry.line)).value
    try:
        found = edits.derive(original or "", value)
    except Unfit as error:
        raise EditInvalid(f"Only changes within a JSON object can be made to others. {error}") from error
    if not found:
        raise EditInvalid("Nothing was changed.")
    return found


def ask(order: Replay, *, idempotency_key: UUID, actor: str, at: datetime) -> Replay:
    """Ask for an order. Under the same key the first one is returned. Raises IdempotencyMismatch for another order."""
    order.idempotency_key, order.actor, order.created_at = idempotency_key, actor, at
    with transaction.atomic():
        made = Replay.objects.bulk_create([order], ignore_conflicts=True)
        known = Replay.objects.get(idempotency_key=idempotency_key)
        if known.id != made[0].id:
            if (known.app_id, known.entry_id, known.code) != (order.app_id, order.entry_id, order.code):
                raise IdempotencyMismatch("This key was used for another replay.")
            return known
        data = {"code": order.code, "collection": order.collection, "entry": order.entry_id}
        _audit(order, "replay_requested", {**data, "edited": _edits(order)}, at=at)
        dispatch.ring()
    return known


def execute_replay(replay_id: UUID, *, at: datetime) -> Trial | None:
    """Do the next batch of an order; None when there is none. Killed anywhere, the batch has not happened."""
    attempts = _count_attempt(replay_id)
    if attempts is None:
        return None
    if attempts > 1:
        _take_care(replay_id)
    if attempts > setting("REPLAY_ATTEMPTS"):
        _give_up(replay_id, at=at)
        return None
    with transaction.atomic():
        order = Replay.objects.select_for_update().filter(id=replay_id, state=Replay.State.REQUESTED).first()
        if order is None:
            return None
        trial = _batch(order, at=at)
        _keep(order, trial, at=at)
        fault_point("replay.before_commit")
    return trial


def due_replays(most: int) -> list[UUID]:
    """Return the oldest orders that wait."""
    due = Replay.objects.filter(state=Replay.State.REQUESTED).order_by("created_at")
    return list(due.values_list("id", flat=True)[:most])


def _order(cause: Cause, *, last: int) -> Replay:
    return Replay(app_id=cause.app_id, code=cause.code, collection=cause.collection, path=cause.path, last_entry=last)


def _edits(order: Replay) -> bool:
    return order.line is not None or bool(order.changes)


def _open(entries: QuerySet[QuarantineEntry]) -> QuerySet[QuarantineEntry]:
    return entries.filter(state=QuarantineState.OPEN)


def _batch(order: Replay, *, at: datetime) -> Trial:
    """Lock the owners first, then read what is still open: whoever came first has replayed it by then."""
    ids, owners, is_end = _next(order)
    revisions = wait_for_owners(owners)
    entries = _open(QuarantineEntry.objects.filter(id__in=ids, owner_id__in=revisions))
    trial = Trial(last=max(ids, default=order.last_entry), is_end=is_end)
    parts = _sort(list(entries.select_for_update().order_by("id")), order, trial)
    if parts:
        for counts in replay(parts, at=at).values():
            trial.outcomes.update(counts)
    return trial


def _next(order: Replay) -> tuple[list[int], set[UUID], bool]:
    """Return ids and owners of the entries whose turn it is, and whether they are the last."""
    chosen = QuarantineEntry.objects.filter(id=order.entry_id) if order.entry_id else _of(order).entries()
    waiting = _open(chosen.filter(id__gt=order.after, id__lte=order.last_entry)).order_by("id")
    size = Length("line", output_field=IntegerField())
    # One that kills its worker must not take others with it.
    most = 1 if order.code == POISON or order.after < order.careful_to else BATCH
    rows = list(waiting.annotate(size=size).values_list("id", "owner_id", "size")[:most])
    taken: list[tuple[int, UUID, int]] = []
    weight = 0
    for row in rows:
        weight += row[2]
        if taken and weight > BATCH_BYTES:
            break
        taken.append(row)
    is_end = len(rows) < most and len(taken) == len(rows)
    return [row[0] for row in taken], {row[1] for row in taken}, is_end


def _of(order: Replay) -> Cause:
    return Cause(order.app_id, order.code, order.collection, order.path)


def _sort(entries: list[QuarantineEntry], order: Replay, trial: Trial) -> list[Part]:
    """Judge each entry by the rules of now; return the parts, a chunk each, of those that pass."""
    plans = plans_for({entry.run_id for entry in entries})
    states = dict(MigrationRun.objects.filter(id__in=plans).values_list("id", "state"))
    parts: dict[int, Part] = {}
    for entry in entries:
        plan = plans[entry.run_id]
        if states[entry.run_id] in _TAKE_NOTHING or not plan.terms.writes:
            trial.closed.append(entry)
            continue
        line = _line(entry, order)
        if line is None:
            trial.unfit.append(entry)
        elif refusal := plan.rules.judge(entry.ordinal, line, plan.label.label(line.key)):
            trial.refused.append((entry, refusal))
        else:
            trial.replayed.append(entry)
            part = parts.setdefault(entry.chunk_id, _part(entry, plan))
            part.rows += DataMapper(label_all=plan.label.label_all).rows(Lines.of([line]), first=entry.ordinal)
    return list(parts.values())


def _line(entry: QuarantineEntry, order: Replay) -> Line | None:
    """Return the line to load; None when the changes do not fit this entry."""
    if order.line is not None:
        return decode_line(bytes(order.line))
    line = decode_line(bytes(entry.line))
    if not order.changes:
        return line
    try:
        value = edits.apply([Change(**change) for change in order.changes], line.value or "")
    except Unfit:
        return None
    return None if find_secret(line.key, value) else decode_line(encode_line(line.key, value))


def _part(entry: QuarantineEntry, plan: RunPlan) -> Part:
    return Part.unclaimed(plan.terms, owner_id=entry.owner_id, app_id=entry.app_id, place=entry.chunk_id, seq=entry.seq)


def _keep(order: Replay, trial: Trial, *, at: datetime) -> None:
    """Write down what came of a batch: the entries' states, the runs' timelines, the order's checkpoint."""
    settled = QuarantineEntry.objects.filter(id__in=[entry.id for entry in trial.replayed])
    lifecycle.move_entries(settled, QuarantineState.REPLAYED, edited=_edits(order))
    for entry, refusal in [] if _edits(order) else trial.refused:  # the reason is of the entry as it came
        QuarantineEntry.objects.filter(id=entry.id).update(code=refusal.code, detail=refusal.detail, path=refusal.path)
    for run_id, count in Counter(entry.run_id for entry in trial.replayed).items():
        told = {"replay": str(order.id), "entries": count, "edited": _edits(order), "actor": order.actor}
        lifecycle.note(run_id, Happening.REPLAY, told, at=at)
    _count(order, trial, at=at)


def _count(order: Replay, trial: Trial, *, at: datetime) -> None:
    counts = {name: len(getattr(trial, name)) for name in ("replayed", "refused", "unfit", "closed")}
    done = {"state": Replay.State.DONE, "finished_at": at, "changes": _told(order)} if trial.is_end else {}
    raised: dict[str, Any] = {name: F(name) + count for name, count in counts.items()}
    Replay.objects.filter(id=order.id).update(after=trial.last, attempts=0, **raised, **done)
    if trial.is_end:
        totals = Replay.objects.values(*counts).get(id=order.id)
        _audit(order, "replay_done", totals, at=at)


def _told(order: Replay) -> list[dict[str, str]]:
    """Return what was changed without the values: an order that is done must not outlive the owner they came from."""
    return [{**change, "value": ""} for change in order.changes]


def _count_attempt(replay_id: UUID) -> int | None:
    """Count the attempt in a commit of its own: a crash must not undo the count."""
    waiting = Replay.objects.filter(id=replay_id, state=Replay.State.REQUESTED)
    if not waiting.update(attempts=F("attempts") + 1):
        return None
    return waiting.values_list("attempts", flat=True).first()


def _take_care(replay_id: UUID) -> None:
    """Have the entries of the batch that failed taken one by one, so that it is known which of them it was."""
    order = Replay.objects.filter(id=replay_id, state=Replay.State.REQUESTED).first()
    if order is not None and order.careful_to <= order.after:
        Replay.objects.filter(id=replay_id).update(careful_to=max(_next(order)[0], default=order.after))


def _give_up(replay_id: UUID, *, at: datetime) -> None:
    with transaction.atomic():
        order = Replay.objects.select_for_update().filter(id=replay_id, state=Replay.State.REQUESTED).first()
        if order is None:
            return
        ids, _, _ = _next(order)
        # Under a cause of its own it does not stop the next order for the others.
        QuarantineEntry.objects.filter(id__in=ids).update(
            code=POISON, detail="Workers died or failed on this entry when it was replayed.", path=""
        )
        failure = f"Workers died or failed on it, at entry {ids[0] if ids else order.after}."
        Replay.objects.filter(id=replay_id).update(
            state=Replay.State.FAILED, failure=failure, finished_at=at, changes=_told(order)
        )
        _audit(order, "replay_failed", {"after": order.after}, at=at)


def _audit(order: Replay, action: str, data: dict[str, Any], *, at: datetime) -> None:
    owner_id = order.entry.owner_id if order.entry else None
    lifecycle.audit(
        actor=order.actor, action=action, target=order.id, at=at, app_id=order.app_id, owner_id=owner_id, data=data
    )


def find_entry(entry_id: int) -> QuarantineEntry:
    """Return a refused entry. Raises NotFound."""
    entry = QuarantineEntry.objects.filter(id=entry_id).first()
    if entry is None:
        raise NotFound("There is no such entry.")
    return entry
