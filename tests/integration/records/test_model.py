"""Three devices write, ops are lost, repeated and reordered: compared with a model written from semantics 2 and 6."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from migration.models import Owner
from tests.factories.doors import account, make_tenant
from tests.factories.held import losers_of, rebuilt, records_of, values_of, versions_of
from tests.factories.ops import Writer, entry_of

POLICIES = ("INTERACTIVE", "AUTO_SKIP", "AUTO_OVERWRITE", "AUTO_MERGE")
DEVICES = st.sampled_from([0, 1, 2])
KEYS = st.sampled_from(["a", "b"])
VALUES = st.sampled_from(["p", "q", '{"x":1}', '{"x":2}', '{"x":1,"y":1}', '{"y":2}', None])

Value = str | None


def merged(base: Value, held: Value, arriving: Value) -> Value:
    """Merge flat objects member by member, the arriving side winning ties; None where that is no merge."""
    sides = [json.loads(one) if one is not None and one.startswith("{") else None for one in (base, held, arriving)]
    if any(side is None for side in sides):
        return None
    began, ours, theirs = sides
    whole = {}
    for name in [*ours, *(name for name in theirs if name not in ours)]:
        b, o, t = began.get(name), ours.get(name), theirs.get(name)
        whole[name] = o if t in (o, b) else t if o == b or t is not None else o
    whole = {name: value for name, value in whole.items() if value is not None}
    return json.dumps(whole, separators=(",", ":"))


@dataclass
class Written:
    """One revision of a key: what it said, and the op that said it."""

    value: Value
    device: int
    seq: int
    revision: int


@dataclass
class Model:
    """What the server should hold. Every write that was acknowledged is in `history`, a loser, or overtaken."""

    policy: str
    revision: int = 0
    history: dict[str, list[Written]] = field(default_factory=dict)
    newest: dict[tuple[str, int], int] = field(default_factory=dict)
    """{(key, device): the newest op of that device that took part}."""
    losers: set[tuple[str, Value]] = field(default_factory=set)

    def arrive(self, key: str, value: Value, device: int, seq: int, base: int | None) -> None:
        """Decide about one op."""
        newest = self.newest.get((key, device), -1)
        if seq <= newest:
            return
        self.newest[key, device] = seq
        written = self.history.setdefault(key, [])
        held = written[-1] if written else None
        if held is None:
            self._write(key, value, device, seq)
        elif held.value == value:
            pass
        elif self._is_clean(written, device, base):
            self._write(key, value, device, seq)
        else:
            self._dispute(key, value, device, seq, base)

    def _is_clean(self, written: list[Written], device: int, base: int | None) -> bool:
        if base is None:
            return written[-1].device == device
        return all(one.device == device for one in written if one.revision > base)

    def _dispute(self, key: str, value: Value, device: int, seq: int, base: int | None) -> None:
        held = self.history[key][-1]
        if self.policy == "AUTO_MERGE" and base is not None:
            began = [one for one in self.history[key] if one.revision <= base]
            whole = merged(began[-1].value if began else None, held.value, value)
            if whole is not None:
                if whole != held.value:
                    self._write(key, whole, device, seq)
                return
        if self.policy == "AUTO_OVERWRITE" or (self.policy == "AUTO_MERGE" and value is not None):
            self.losers.add((key, held.value))
            self._write(key, value, device, seq)
        else:
            self.losers.add((key, value))

    def _write(self, key: str, value: Value, device: int, seq: int) -> None:
        self.revision += 1
        self.history[key].append(Written(value, device, seq, self.revision))


class Writing(RuleBasedStateMachine):
    """Three devices of one owner. An op that was made waits in its drawer; one that was sent may be sent again."""

    @initialize(policy=st.sampled_from(POLICIES))
    def begin(self, policy: str) -> None:
        tenant = make_tenant(conflict_policy=policy)
        self.devices = [Writer(account(tenant, "user")) for _ in range(3)]
        for device in self.devices:
            device.browser.get("/records")
        self.owner = Owner.objects.get(app=tenant.app)
        self.model = Model(policy)
        self.drawers: list[list[dict[str, Any]]] = [[], [], []]
        self.sent: list[tuple[int, list[dict[str, Any]], Any, int]] = []
        self.known: list[dict[str, tuple[Value, int]]] = [{}, {}, {}]
        self.cursors = [0, 0, 0]

    @rule(device=DEVICES, key=KEYS, value=VALUES, blind=st.booleans())
    def make(self, device: int, key: str, value: Value, blind: bool) -> None:
        """A device writes: on what it knows of, or on nothing."""
        base = None if blind else self.known[device].get(key, (None, None))[1]
        self.drawers[device].append(self.devices[device].op(key, value, base=base))

    @precondition(lambda self: any(self.drawers))
    @rule(data=st.data(), lost=st.booleans())
    def send(self, data: Any, lost: bool) -> None:
        """A device sends some of what it has, in any order; the answer may be lost."""
        device = data.draw(st.sampled_from([number for number in range(3) if self.drawers[number]]))
        drawer = self.drawers[device]
        ops = data.draw(st.lists(st.sampled_from(drawer), min_size=1, max_size=3, unique_by=lambda op: op["seq"]))
        for op in ops:
            drawer.remove(op)
        answer = self.devices[device].send(*ops)
        assert answer.status_code == 200, answer.content
        last = {}
        for op in sorted(ops, key=lambda op: op["seq"]):
            last[entry_of(op["line"])[0]] = op
        # What has to be merged is written after the others of its batch.
        revisions = {one["seq"]: one["revision"] or 0 for one in answer.json()["outcomes"]}
        for op in sorted(last.values(), key=lambda op: (revisions[op["seq"]], op["seq"])):
            self.model.arrive(*entry_of(op["line"]), device, op["seq"], op["base"])
        self.sent.append((device, ops, answer.json()["outcomes"], self.model.revision))
        if not lost:
            self._learn(device, ops, answer.json()["outcomes"])

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def repeat(self, data: Any) -> None:
        """A device that had no answer sends the same again."""
        device, ops, told, _ = data.draw(st.sampled_from(self.sent))
        before = Owner.objects.get(id=self.owner.id).revision
        again = self.devices[device].send(*ops).json()["outcomes"]
        assert Owner.objects.get(id=self.owner.id).revision == before
        for first, second in zip(told, again, strict=True):
            # Overtaken meanwhile by a newer op of the same device, or the same answer.
            overtaken = second["outcome"] == "accepted" and second["revision"] is None
            assert overtaken or _told(second) == _told(first) or self._says_what_stands(ops, second)

    def _says_what_stands(self, ops: list[dict[str, Any]], outcome: dict[str, Any]) -> bool:
        """What lost to another value at first is no news once somebody else has written the same."""
        [line] = [op["line"] for op in ops if op["seq"] == outcome["seq"]]
        key, value = entry_of(line)
        return _told(outcome) == ("stands", None) and values_of(self.owner)[key] == value

    @rule(device=DEVICES)
    def follow(self, device: int) -> None:
        """A device asks what has changed, and knows it then."""
        page = self.devices[device].browser.get(f"/records?since={self.cursors[device]}").json()
        for one in page["changes"]:
            key, value = entry_of(one["line"])
            self.known[device][key] = (value, one["revision"])
        self.cursors[device] = page["until"]

    def _learn(self, device: int, ops: list[dict[str, Any]], outcomes: Any) -> None:
        for op, outcome in zip(ops, outcomes, strict=True):
            key, value = entry_of(op["line"])
            if outcome["revision"] is not None and not (outcome["outcome"] == "conflict" and "line" in outcome):
                told = entry_of(outcome["line"])[1] if "line" in outcome else value
                if outcome["revision"] > self.known[device].get(key, (None, -1))[1]:
                    self.known[device][key] = (told, outcome["revision"])

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        if not hasattr(self, "model"):
            return
        current = {key: written[-1].value for key, written in self.model.history.items() if written}
        assert values_of(self.owner) == current
        kept = {(key, value) for key, value, _ in losers_of(self.owner)}
        assert self.model.losers <= kept

    def teardown(self) -> None:
        """Every acknowledged write is held, lost on the record, or overtaken; devices that follow hold the same."""
        if not hasattr(self, "model"):
            return
        every = [*records_of(self.owner).values(), *versions_of(self.owner)]
        assert sorted(one.revision for one in every) == list(range(1, self.model.revision + 1))
        assert rebuilt(self.owner, 0) == {}
        held = {(one.device_id, one.seq) for one in every}
        assert len(held) == len(every), "one op, one revision"
        for device in range(3):
            self.follow(device)
            assert {key: value for key, (value, _) in self.known[device].items()} == values_of(self.owner)


def _told(outcome: dict[str, Any]) -> tuple[str, str | None]:
    """What an answer means to its device: that what it sent stands, or what stands instead."""
    stands = outcome["outcome"] in ("accepted", "conflict") and "line" not in outcome
    return ("stands", None) if stands else (outcome["outcome"], outcome.get("policy"))


def _run(**limits: int) -> None:
    run_state_machine_as_test(
        Writing, settings=settings(deadline=None, suppress_health_check=list(HealthCheck), **limits)
    )


@pytest.mark.timeout(240)
def test_writing_follows_the_model(transactional_db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
    _run(max_examples=15, stateful_step_count=20, derandomize=True)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_writing_follows_the_model_at_length(transactional_db: None) -> None:
    _run(max_examples=2_000, stateful_step_count=50)
