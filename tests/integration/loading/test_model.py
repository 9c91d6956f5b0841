"""Devices write, chunks arrive in any order, workers fail: compared at each step with a model of semantics 2 and 6."""

from dataclasses import dataclass, field

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

from migration.lifecycle import release_chunks
from migration.models import MigrationRun, Owner
from tests.factories.held import losers_of, rebuilt, records_of, values_of, versions_of
from tests.factories.loads import make_app, make_device, make_owner, make_run, put_chunk
from tests.factories.workers import Worker

POLICIES = ("INTERACTIVE", "AUTO_SKIP", "AUTO_OVERWRITE", "AUTO_MERGE")
DEVICES = (0, 1)
KEYS = st.sampled_from(["a", "b", "c"])
VALUES = st.sampled_from(["p", "q", None])


@dataclass
class Model:
    """What the server should hold, written from semantics 2 and 6 and nothing else."""

    policy: str
    current: dict[str, tuple[str | None, int, int]] = field(default_factory=dict)
    """{key: (value, device, seq)}."""
    newest: dict[tuple[str, int], int] = field(default_factory=dict)
    """{(key, device): newest seq of a write that took part}."""
    losers: set[tuple[str, str | None]] = field(default_factory=set)
    states: list[dict[str, str | None]] = field(default_factory=lambda: [{}])
    """The values at each revision."""

    def arrive(self, key: str, value: str | None, device: int, seq: int) -> None:
        """Decide about one entry."""
        held = self.current.get(key)
        if held is None:
            self._write(key, value, device, seq)
        elif held[0] == value:
            if held[1] == device and seq > held[2]:
                self.current[key] = (value, device, seq)
            elif held[1] != device:
                self.newest[key, device] = max(seq, self.newest.get((key, device), -1))
        elif held[1] == device:
            if seq > held[2]:
                self._write(key, value, device, seq)
        elif seq >= self.newest.get((key, device), -1):
            self._dispute(key, value, device, seq)

    def _dispute(self, key: str, value: str | None, device: int, seq: int) -> None:
        self.newest[key, device] = seq
        if self.policy == "AUTO_OVERWRITE" or (self.policy == "AUTO_MERGE" and value is not None):
            self.losers.add((key, self.current[key][0]))
            self._write(key, value, device, seq)
        else:
            self.losers.add((key, value))

    def _write(self, key: str, value: str | None, device: int, seq: int) -> None:
        held = self.current.get(key)
        if held is not None:
            self.newest[key, held[1]] = max(held[2], self.newest.get((key, held[1]), -1))
        self.newest[key, device] = max(seq, self.newest.get((key, device), -1))
        self.current[key] = (value, device, seq)
        self.states.append({**self.states[-1], key: value})


class Loading(RuleBasedStateMachine):
    """Two devices of one owner; what a device has cut waits in its drawer until it is sent."""

    @initialize(policy=st.sampled_from(POLICIES))
    def begin(self, policy):
        self.worker = Worker()
        self.owner = make_owner(make_app(conflict_policy=policy))
        self.runs = [make_run(make_device(self.owner)) for _ in DEVICES]
        self.model = Model(policy)
        self.seqs = [0, 0]
        self.drawer: list[tuple[int, int, list[tuple[str, str | None]]]] = []
        self.waiting: list[tuple[int, int, list[tuple[str, str | None]]]] = []

    @rule(device=st.sampled_from(DEVICES), entries=st.lists(st.tuples(KEYS, VALUES), min_size=1, max_size=4))
    def cut(self, device, entries):
        """A device cuts a chunk."""
        self.seqs[device] += 1
        self.drawer.append((device, self.seqs[device], entries))

    @precondition(lambda self: self.drawer)
    @rule(data=st.data())
    def arrive(self, data):
        """Any chunk that was cut arrives."""
        place = data.draw(st.integers(0, len(self.drawer) - 1))
        device, seq, entries = self.drawer.pop(place)
        put_chunk(self.runs[device], entries, seq=seq)
        self.waiting.append((device, seq, entries))

    @precondition(lambda self: self.waiting)
    @rule()
    def load(self):
        """A worker takes what one device has waiting and loads it; the batch goes by seq."""
        self._load(self.worker.claim())

    @precondition(lambda self: self.waiting)
    @rule()
    def fail_and_load_in_spans(self):
        """Workers claim and fail; the next one takes a single chunk, span by span."""
        claims = self.worker.claim()
        while claims[0].span is None:
            release_chunks(claims)
            claims = self.worker.claim()
        self._load(claims)

    def _load(self, claims):
        self.worker.load(claims)
        runs = {claim.run_id for claim in claims}
        assert len(runs) == 1, "one run of an owner at a time"
        device = next(number for number, run in enumerate(self.runs) if run.id in runs)
        batch = {}
        for claim in claims:
            place = next(place for place, one in enumerate(self.waiting) if one[:2] == (device, claim.seq))
            _, seq, entries = self.waiting[place]
            last = len(entries) if claim.span is None else min(len(entries), claim.next_ordinal + claim.span)
            if last == len(entries):
                self.waiting.pop(place)
            for key, value in entries[claim.next_ordinal : last]:
                batch[key] = (value, seq, claim.next_ordinal > 0)
        for key, (value, seq, follows) in batch.items():
            held = self.model.current.get(key)
            if follows and held is not None and held[1:] == (device, seq) and held[0] != value:
                self.model._write(key, value, device, seq)
            else:
                self.model.arrive(key, value, device, seq)

    @invariant()
    def holds_what_the_model_holds(self):
        if not hasattr(self, "model"):
            return
        current = {key: value for key, (value, _, _) in self.model.current.items()}
        assert values_of(self.owner) == current
        assert {(key, value) for key, value, _ in losers_of(self.owner)} == self.model.losers

    def teardown(self):
        """Every revision can be rebuilt, none is missing, and the counters sum."""
        if not hasattr(self, "model"):
            return
        while claims := self.worker.claim():
            self.worker.load(claims)
        top = Owner.objects.get(id=self.owner.id).revision
        every = [*records_of(self.owner).values(), *versions_of(self.owner)]
        assert sorted(one.revision for one in every) == list(range(1, top + 1))
        assert rebuilt(self.owner, 0) == {}
        for run in MigrationRun.objects.filter(owner=self.owner).values():
            names = ("stored", "unchanged", "superseded", "conflict", "quarantined")
            assert sum(run[f"entries_{name}"] for name in names) == run["entries_processed"] == run["entries_received"]


@pytest.mark.timeout(240)
def test_loading_follows_the_model(transactional_db):
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
    run_state_machine_as_test(
        Loading,
        settings=settings(
            max_examples=25,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_loading_follows_the_model_at_length(transactional_db):
    run_state_machine_as_test(
        Loading,
        settings=settings(
            max_examples=2_000, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
