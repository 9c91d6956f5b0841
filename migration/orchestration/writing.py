"""Ops: a device's single writes, judged and written while it waits for the answer.

One transaction: fence and epoch are looked at under the owner's lock, and all ops commit together or not at all.
Everything may be repeated: the answers are those of once. What cannot become a record is refused by itself, and
nothing of it is kept; the browser still has it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.db import transaction

from migration import progress
from migration.asking import Rows, ask_all
from migration.config import fault_point
from migration.cutover import Stages, check_epoch
from migration.errors import FenceSuperseded, LineForm, WrongState
from migration.loading import ops as loading
from migration.loading import undisputed
from migration.loading.ops import Arrival, Lock, Text, Writer, Written
from migration.models import Device
from migration.orchestration import quotas
from migration.orchestration.intake import Sender
from migration.orchestration.judging import Judge
from migration.orchestration.mass_guard import refuse_mass_deletion
from migration.orchestration.retrieving import refuse_other_timeline
from migration.values.digests import fingerprint as fingerprint_of
from migration.values.edits import Unfit
from migration.values.forms import VERBATIM
from migration.values.lines import Line, Lines, decode_line, encode_line, text_of
from migration.values.merging import merge_members
from migration.values.refusals import Refusal
from migration.values.stored import line_of

Word = Literal["accepted", "merged", "conflict", "refused"]
ACCEPTED: Word = "accepted"
MERGED: Word = "merged"
CONFLICT: Word = "conflict"
REFUSED: Word = "refused"

_UNDISPUTED = undisputed.statement(room=quotas.HAS_ROOM, counted=quotas.COUNTED)


@dataclass(frozen=True, slots=True)
class Op:
    """One write: the device's number of it, its canonical line, and the revision it is based on (None: of none)."""

    seq: int
    line: bytes
    base: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one op. `line` is what the server holds, wherever that is not what was sent."""

    seq: int
    outcome: Word
    revision: int | None = None
    line: str | None = None
    reason: str | None = None
    detail: str | None = None
    policy: str | None = None
    conflict: int | None = None


@dataclass(frozen=True, slots=True)
class Ack:
    """The ops are committed: the owner's revision after them, and what became of each, in the order they came."""

    revision: int
    outcomes: list[Outcome]


def write_ops(
    *,
    sender: Sender,
    stages: Stages,
    ops: Sequence[Op],
    timeline: str,
    told_timeline: str | None,
    confirmed: bool = False,
    at: datetime,
) -> Ack:
    """Write a device's ops and say what became of each. `stages` are those that hold for the device.

    What belongs to a collection that is off is refused by itself. `told_timeline` is the one the ops' bases are of;
    `confirmed`: a person has said that so much is to be deleted.

    Raises WrongState (with `stage`) where all collections are off, TimelineChanged, StaleEpoch, FenceSuperseded,
    OverQuota; nothing is written then.
    """
    if stages.all_off:
        raise WrongState("Dual write is off.", stage="off")
    refuse_other_timeline(told_timeline, now=timeline)
    judge = Judge.of(sender.app, pinned=sender.pinned)
    refused, arrivals = _sort_out(ops, judge, stages)
    writer = _writer(sender, stages)
    plain = _write_undisputed(sender, ops, arrivals, writer, at=at)
    if plain:
        outcomes = {one.seq: one for one in [*refused, *(_told(one, arrivals[one.place]) for one in plain)]}
        return _ack(max(one.revision for one in plain), ops, outcomes)
    with transaction.atomic():
        mass = refuse_mass_deletion(sender, arrivals, confirmed=confirmed, at=at)
        if mass is not None:
            refused += [Outcome(one.seq, REFUSED, reason=mass.code, detail=mass.detail) for one in _deleting(arrivals)]
            arrivals = [one for one in arrivals if one.row.value is not None]
        # In one breath: whatever the lock has to say against it takes back what the others did.
        lock, found, spent = _ask_all(sender, ops, arrivals, writer, at=at)
        check_epoch(told=sender.epoch, current=lock.epoch)
        _hold_fence(sender, lock)
        written = _Writing(writer, judge, lock.revision, at)
        outcomes = {one.seq: one for one in [*refused, *written.tell(arrivals, found)]}
        _hold_quota(sender, ops, spent, at=at)
        if written.revision > lock.revision:
            progress.announce_records(sender.owner_id, written.revision)
        fault_point("records.before_commit")
    return _ack(written.revision, ops, outcomes)


def _ack(revision: int, ops: Sequence[Op], outcomes: Mapping[int, Outcome]) -> Ack:
    fault_point("records.after_commit")
    return Ack(revision, [outcomes[op.seq] for op in ops])


def _write_undisputed(
    sender: Sender, ops: Sequence[Op], arrivals: Sequence[Arrival], writer: Writer, *, at: datetime
) -> list[Written]:
    """Write and commit ops in one round trip if there is nothing to say about any; return nothing where there is."""
    use, app, owner_id = _use(ops), sender.app, sender.owner_id
    room = quotas.holding(use, app_id=app.id, limits=app.limits, owner_id=owner_id, is_guest=sender.is_guest, at=at)
    if room is None or any(one.row.value is None for one in arrivals):
        return []
    asked = undisputed.writing(
        _UNDISPUTED, arrivals, writer=writer, epoch=sender.epoch, fence=sender.fence, at=at, given=room
    )
    fault_point("records.before_commit")
    _, rows = ask_all([loading.locking(owner_id=owner_id, device_id=sender.device_id), asked])
    found = undisputed.outcomes(rows, count=len(arrivals))
    if found:
        progress.announce_records(owner_id, max(one.revision for one in found))
    return found


def _deleting(arrivals: Sequence[Arrival]) -> list[Arrival]:
    return [one for one in arrivals if one.row.value is None]


def _writer(sender: Sender, stages: Stages) -> Writer:
    app = sender.app
    policies = {one["name"]: one["conflict_policy"] for one in app.collections if one.get("conflict_policy")}
    return Writer(sender.owner_id, sender.device_id, app.namespace, app.conflict_policy, policies, stages.ties())


def _ask_all(
    sender: Sender, ops: Sequence[Op], arrivals: Sequence[Arrival], writer: Writer, *, at: datetime
) -> tuple[Lock, list[Written], Rows]:
    """Lock, write and count in one round trip."""
    questions = [
        loading.locking(owner_id=sender.owner_id, device_id=sender.device_id),
        quotas.spending(_use(ops), app_id=sender.app.id, owner_id=sender.owner_id, at=at),
    ]
    if arrivals:
        questions.append(loading.writing(arrivals, writer=writer, at=at))
    locked, spent, *wrote = ask_all(questions)
    return Lock.of(locked), loading.outcomes(wrote[0], count=len(arrivals)) if wrote else [], spent


def _hold_fence(sender: Sender, lock: Lock) -> None:
    """Keep the device's highest fence; raise FenceSuperseded for a lower one."""
    if sender.fence is None:
        return
    if sender.fence < lock.fence:
        raise FenceSuperseded(fence=lock.fence)
    if sender.fence > lock.fence:
        Device.objects.filter(id=sender.device_id).update(fence=sender.fence)


def _use(ops: Sequence[Op]) -> quotas.Use:
    return quotas.Use(sum(len(op.line) for op in ops), len(ops), kept=False)


def _hold_quota(sender: Sender, ops: Sequence[Op], spent: Rows, *, at: datetime) -> None:
    app, owner_id = sender.app, sender.owner_id
    quotas.hold(spent, _use(ops), app_id=app.id, limits=app.limits, owner_id=owner_id, is_guest=sender.is_guest, at=at)


def _sort_out(ops: Sequence[Op], judge: Judge, stages: Stages) -> tuple[list[Outcome], list[Arrival]]:
    """Return what is refused, and the others as rows in the order of their numbers."""
    refused, lines = _read(ops)
    refused.update(judge.refusals(lines))
    kept = [(op, lines[op.seq]) for op in sorted(ops, key=lambda op: op.seq) if op.seq not in refused]
    rows = judge.rows(Lines.of(line for _, line in kept))
    arrivals = [Arrival(op.seq, op.base, row) for (op, _), row in zip(kept, rows, strict=True)]
    refused.update(_of_what_is_off(arrivals, stages))
    told = [Outcome(seq, REFUSED, reason=one.code, detail=one.detail) for seq, one in refused.items()]
    return told, [one for one in arrivals if one.seq not in refused]


def _of_what_is_off(arrivals: Sequence[Arrival], stages: Stages) -> dict[int, Refusal]:
    """Return the refusals of what belongs to collections that are off; the browser sends it again once they are on."""
    off = Refusal(0, "stage_off", "The stage of its collection is off.")
    return {one.seq: off for one in arrivals if stages.is_off(one.row.collection)}


def _read(ops: Sequence[Op]) -> tuple[dict[int, Refusal], dict[int, Line]]:
    refused: dict[int, Refusal] = {}
    lines: dict[int, Line] = {}
    for op in ops:
        try:
            lines[op.seq] = decode_line(op.line)
        except LineForm as error:
            refused[op.seq] = Refusal(0, error.code, error.detail)
    return refused, lines


class _Writing:
    """The ops of one transaction on their way into records; `revision` is the owner's, as it rises."""

    def __init__(self, writer: Writer, judge: Judge, revision: int, at: datetime) -> None:
        self._writer, self._judge, self._at, self.revision = writer, judge, at, revision

    def tell(self, arrivals: Sequence[Arrival], found: Sequence[Written]) -> list[Outcome]:
        """Say what became of each op, merging those that can be."""
        self._rise(found)
        outcomes = [_told(one, arrivals[one.place]) for one in found if one.outcome != "mergeable"]
        merging = [(arrivals[one.place], one) for one in found if one.outcome == "mergeable"]
        return outcomes + self._merge(merging) if merging else outcomes

    def _merge(self, merging: Sequence[tuple[Arrival, Written]]) -> list[Outcome]:
        """Put together what both sides changed; where that cannot be done, the tie is decided as a whole."""
        settled = [self._settled(arrival, one) for arrival, one in merging]
        written = loading.write([one.arrival for one in settled], writer=self._writer, at=self._at)
        self._rise(written)
        outcomes = []
        for (arrival, one), merge, again in zip(merging, settled, written, strict=True):
            told = _told(again, merge.arrival)
            if merge.arrival.settled == "merged":
                conflict = self._journal(arrival, one, again, merge) if merge.ties else None
                told = _of_merge(again, arrival, merge.arrival, conflict)
            outcomes.append(told)
        return outcomes

    def _settled(self, arrival: Arrival, one: Written) -> "_Settled":
        row, base, held = arrival.row, one.base, one.held
        if not (row.value and base and base.form == VERBATIM and base.text and held and held.text):
            return _Settled(arrival._replace(settled="tie"))
        try:
            wins = not self._writer.yields(row.collection)
            merged = merge_members(base.text, held.text, row.value.decode(), arriving_wins=wins)
        except Unfit:
            return _Settled(arrival._replace(settled="tie"))
        key = text_of(row.key_json)
        line = Line(key, merged.text, encode_line(key, merged.text))
        if self._judge.refusals({0: line}):
            return _Settled(arrival._replace(settled="tie"))
        mapped = self._judge.rows(Lines.of([line]))[0]
        return _Settled(Arrival(arrival.seq, arrival.base, mapped, "merged"), merged.ties)

    def _journal(self, arrival: Arrival, one: Written, again: Written, merge: "_Settled") -> int:
        """Keep the side that lost a tie, whole."""
        row, wins = arrival.row, not self._writer.yields(arrival.row.collection)
        loser = Text(row.form, row.value.decode() if row.value else None, self._writer.device_id, arrival.seq)
        fingerprint = row.fingerprint
        if wins and one.held is not None:
            loser = one.held
            fingerprint = fingerprint_of(line_of(row.key_json.decode(), loser.form, loser.text).encode())
        tie = loading.Tie(merge.arrival, again.revision, wins, loser, fingerprint)
        return loading.journal(tie, writer=self._writer, at=self._at)

    def _rise(self, found: Sequence[Written]) -> None:
        self.revision = max([self.revision, *(one.revision for one in found if one.outcome in ("stored", "won"))])


@dataclass(frozen=True, slots=True)
class _Settled:
    """An op with the row it is to be written as, and how many members both sides had changed."""

    arrival: Arrival
    ties: int = 0


def _of_merge(written: Written, arrival: Arrival, merged: Arrival, conflict: int | None) -> Outcome:
    """Return the answer to an op that was merged; one that came out as it was sent is as good as accepted."""
    as_sent = merged.row.fingerprint == arrival.row.fingerprint
    if as_sent and conflict is None:
        return Outcome(arrival.seq, ACCEPTED, revision=written.revision)
    row = merged.row
    line = line_of(row.key_json.decode(), row.form, row.value.decode() if row.value is not None else None)
    known: dict[str, Any] = {"revision": written.revision, "policy": "AUTO_MERGE", "conflict": conflict}
    return Outcome(arrival.seq, CONFLICT, **known) if as_sent else Outcome(arrival.seq, MERGED, line=line, **known)


def _told(written: Written, arrival: Arrival) -> Outcome:
    """Return the answer an op is given, the first time and each time it comes again."""
    seq, held = arrival.seq, None
    if written.held is not None:
        held = line_of(arrival.row.key_json.decode(), written.held.form, written.held.text)
    known: dict[str, Any] = {"revision": written.revision, "policy": written.policy, "conflict": written.conflict}
    if written.before not in (None, arrival.row.fingerprint):
        return Outcome(seq, MERGED, line=held, **{**known, "policy": "AUTO_MERGE"})
    if written.outcome == "won" or written.won:
        return Outcome(seq, CONFLICT, **known)
    if written.outcome == "conflict" or written.conflict is not None:
        return Outcome(seq, CONFLICT, line=held, **known)
    if written.outcome == "overtaken" or (written.outcome == "superseded" and written.before is None):
        return Outcome(seq, ACCEPTED)
    return Outcome(seq, ACCEPTED, revision=written.revision)
