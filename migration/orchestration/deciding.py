"""Conflicts: shown with both sides, decided by people, decided otherwise later. Nothing is lost by any choice.

What was not chosen stays where it is: the loser in its conflict, what the record held in history.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from django.db import transaction

from migration import lifecycle, progress
from migration.errors import BodyInvalid, LineForm, MigrationError, NotFound, SensitiveItem, WrongState
from migration.loading import ops as loading
from migration.loading import wait_for_owners
from migration.models import App, Conflict, Record
from migration.orchestration.judging import Judge
from migration.records import Sides, sides_of
from migration.values.digests import fingerprint
from migration.values.lines import Line, Lines, decode_line, literal

CAUSE = "resolution"
_MOST = 2**53
"""No id is as large."""
Choice = Literal["local", "remote", "custom"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody chose: the side that arrived, the server's, or a line of one's own."""

    choice: Choice
    line: str | None = None


def list_conflicts(*, owner_id: UUID, before: int, state: str | None = None) -> list[Sides]:
    """Return an owner's conflicts below an id with their sides, newest first."""
    return sides_of(owner_id=owner_id, before=before, state=state)


def find_sides(*, owner_id: UUID, conflict_id: int) -> Sides:
    """Return one conflict of an owner with its sides. Raises NotFound."""
    found = conflict_id < _MOST and sides_of(owner_id=owner_id, before=conflict_id + 1, conflict_id=conflict_id)
    if not found:
        raise NotFound("There is no such conflict.")
    return found[0]


def decide(*, owner_id: UUID, conflict_id: int, decision: Decision, actor: str, at: datetime) -> Sides:
    """Let a choice stand: write it, keep what it replaces in history, and say who chose. Asked again, nothing happens.

    Raises NotFound, WrongState (with `state`) for a side that is no longer kept, BodyInvalid, LineForm or SensitiveItem
    for a line that cannot be taken.
    """
    app = App.objects.filter(owners=owner_id).first()
    with transaction.atomic():
        wait_for_owners([owner_id])
        sides = find_sides(owner_id=owner_id, conflict_id=conflict_id)
        if app is None:
            raise NotFound("There is no such owner.")
        line = _chosen(sides, decision, app)
        mark = fingerprint(line.raw)
        if not _is_known(sides.conflict, decision, mark):
            stood = _revision(sides.conflict)
            revision = _write(sides.conflict, line, app, stood, at=at)
            lifecycle.decide_conflict(
                sides.conflict, choice=decision.choice, fingerprint=mark, stood=stood, by=actor, at=at
            )
            _audit(sides.conflict, decision, revision, app, actor=actor, at=at)
    return find_sides(owner_id=owner_id, conflict_id=conflict_id)


def restore_loser(conflict: Conflict) -> Decision:
    """Return the decision that lets a conflict's loser stand."""
    return Decision("remote" if conflict.winner == "arriving" else "local")


def keep_winner(conflict: Conflict) -> Decision:
    """Return the decision that lets a conflict's winner, or what the server holds, stand."""
    return Decision("local" if conflict.winner == "arriving" else "remote")


def decide_many(conflicts: Iterable[Conflict], *, loser: bool, actor: str, at: datetime) -> tuple[int, int]:
    """Decide each conflict by itself, for its loser or its winner; return how many were and how many could not be."""
    done = failed = 0
    for conflict in conflicts:
        decision = restore_loser(conflict) if loser else keep_winner(conflict)
        try:
            decide(owner_id=conflict.owner_id, conflict_id=conflict.id, decision=decision, actor=actor, at=at)
        except MigrationError:
            failed += 1
        else:
            done += 1
    return done, failed


def _chosen(sides: Sides, decision: Decision, app: App) -> Line:
    """Return the line that is to stand."""
    if decision.choice == "custom":
        return _own(sides, decision, app)
    told = sides.local if decision.choice == "local" else sides.remote
    if told is None:
        raise WrongState("This side of the conflict is not kept any more.", state=str(sides.conflict.state))
    return decode_line(told.encode())


def _own(sides: Sides, decision: Decision, app: App) -> Line:
    if decision.line is None:
        raise BodyInvalid("A choice of one's own needs a line.")
    line = decode_line(decision.line.encode())
    if literal(line.key).decode() != sides.conflict.key_json:
        raise LineForm("The line is of another key.")
    refusal = Judge.of(app).refusals({0: line}).get(0)
    if refusal is not None and refusal.code == SensitiveItem.code:
        raise SensitiveItem(items=[{"key": sides.conflict.key_json, "rule": refusal.detail}])
    if refusal is not None:
        raise BodyInvalid(refusal.detail, reason=refusal.code)
    return line


def _is_known(conflict: Conflict, decision: Decision, mark: bytes) -> bool:
    """Tell whether this very choice was made before: its answer may have been lost."""
    same_line = decision.choice != "custom" or bytes(conflict.choice_fingerprint or b"") == mark
    return conflict.choice == decision.choice and same_line


def _revision(conflict: Conflict) -> int | None:
    of_key = Record.objects.filter(
        owner_id=conflict.owner_id, namespace=conflict.namespace, key_hash=bytes(conflict.key_hash)
    )
    return of_key.values_list("revision", flat=True).first()


def _write(conflict: Conflict, line: Line, app: App, base: int | None, *, at: datetime) -> int:
    """Let a line stand as the server's own write; return the revision.

    There is one even where the line stands already: it tells the devices that hold the other side what was chosen.
    """
    row = Judge.of(app).rows(Lines.of([line]))[0]
    writer = loading.Writer(conflict.owner_id, None, conflict.namespace, app.conflict_policy, {}, cause=CAUSE)
    [written] = loading.write([loading.Arrival(0, base, row, "decided")], writer=writer, at=at)
    progress.announce_records(conflict.owner_id, written.revision)
    return written.revision


def _audit(conflict: Conflict, decision: Decision, revision: int, app: App, *, actor: str, at: datetime) -> None:
    lifecycle.audit(
        actor=actor,
        action="conflict_decided",
        target=f"conflict {conflict.id}",
        at=at,
        app_id=app.id,
        owner_id=conflict.owner_id,
        data={"choice": decision.choice, "policy": conflict.policy, "revision": revision},
    )
