"""Random writes, rollbacks and undos against a model: any revision can be rebuilt, and only what should goes back."""

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migration.models import Conflict, Owner, Record, RecordVersion
from migration.rollback import EVERYTHING, Outcome, Revert, RollbackService, Within, revert
from migration.values.lines import literal
from tests.factories.held import losers_of, rebuilt
from tests.factories.loads import make_owner
from tests.factories.writes import write

pytestmark = pytest.mark.django_db

KEYS = ["", "a", "\ud800", "d"]
VALUES = [None, "1", "one", '{"a":1}', "\x00"]
RUNS = [uuid4() for _ in range(3)]
DEVICES = [uuid4() for _ in range(2)]
COLLECTIONS = ["red", "blue"]


@dataclass(frozen=True)
class Version:
    """One version of one key as the model knows it."""

    revision: int
    value: str | None
    run: UUID | None
    cause: str
    collection: str


@dataclass
class Model:
    """What an owner's history should be, kept the simple way: every state of every revision, whole."""

    histories: dict[str, list[Version]] = field(default_factory=dict)
    states: list[dict[str, str | None]] = field(default_factory=lambda: [{}])

    @property
    def revision(self) -> int:
        return len(self.states) - 1

    def put(self, key: str, value: str | None, run: UUID | None, cause: str, collection: str = "") -> None:
        if key in self.states[-1] and self.states[-1][key] == value:
            return
        self.states.append({**self.states[-1], key: value})
        label = collection or self.histories[key][-1].collection
        self.histories.setdefault(key, []).append(Version(self.revision, value, run, cause, label))

    def current(self) -> list[tuple[str, Version]]:
        """Return each key's current version, oldest first."""
        return sorted(
            ((key, versions[-1]) for key, versions in self.histories.items()), key=lambda one: one[1].revision
        )

    def at(self, key: str, revision: int) -> Version | None:
        """Return what held at a revision."""
        return next((one for one in reversed(self.histories[key]) if one.revision <= revision), None)

    def before_run(self, key: str, run: UUID) -> Version | None:
        """Return what another writer had left before the run wrote what holds now."""
        now = self.histories[key][-1]
        written = now.revision
        if now.cause == "rollback":
            own = [v for v in self.histories[key] if v.run == run and v.cause != "rollback" and v.value == now.value]
            written = own[-1].revision if own else now.revision
        return next((v for v in reversed(self.histories[key]) if v.run != run and v.revision < written), None)

    def give_back(self, targets: list[tuple[str, Version | None]]) -> None:
        for key, target in targets:
            self.put(key, target.value if target else None, target.run if target else None, "rollback")


WITHIN = [
    EVERYTHING,
    *map(Within.of_collection, COLLECTIONS),
    *(Within.of_record(namespace="default", key_json=literal(key).decode()) for key in KEYS),
]
writes = st.tuples(
    st.just("write"),
    st.sampled_from(KEYS),
    st.sampled_from(VALUES),
    st.sampled_from([None, *RUNS]),
    st.sampled_from(DEVICES),
    st.sampled_from(COLLECTIONS),
)
steps = st.one_of(
    writes,
    writes,
    st.tuples(st.just("run"), st.sampled_from(RUNS)),
    st.tuples(st.just("point"), st.floats(0, 1), st.sampled_from(WITHIN)),
    st.tuples(st.just("undo"), st.floats(0, 1)),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=st.lists(steps, min_size=3, max_size=18))
def test_any_revision_can_be_rebuilt_after_any_writes_rollbacks_and_undos(script: list[tuple]) -> None:
    owner, model = make_owner(), Model()
    done: list[tuple[Within | None, Outcome]] = []
    for number, step in enumerate(script):
        if step[0] == "write":
            _, key, value, run, device, collection = step
            write(owner, key, value, run_id=run, device_id=device, seq=number, collection=collection)
            model.put(key, value, run, "run", collection)
        elif step[0] == "run":
            targets = [(key, model.before_run(key, step[1])) for key, now in model.current() if now.run == step[1]]
            done.append((None, _as_previewed(Revert(owner.id, "run", 0, run_id=step[1]))))
            model.give_back(targets)
        elif step[0] == "point":
            to = round(step[1] * model.revision)
            done.append((step[2], _back_to(owner, model, to, step[2])))
        elif done:
            within, undone = done[int(step[1] * (len(done) - 1))]
            if within is None:
                done.append((None, _undo_keys(owner, model, undone)))
            else:
                done.append((within, _back_to(owner, model, undone.from_revision, within)))
    _agree(owner, model)


def _as_previewed(what: Revert) -> Outcome:
    """Revert, and hold it to what the preview said."""
    told = RollbackService.preview(what, at=timezone.now())
    outcome = revert(what, at=timezone.now())
    assert outcome == told
    return outcome


def _goes_back(within: Within) -> Callable[[str, Version], bool]:
    if within.collection:
        return lambda _, now: now.collection == within.collection
    if within.key_hash:
        return lambda key, _: literal(key).decode() == within.key_json
    return lambda *_: True


def _back_to(owner: Owner, model: Model, to: int, within: Within) -> Outcome:
    goes = _goes_back(within)
    targets = [(key, model.at(key, to)) for key, now in model.current() if now.revision > to and goes(key, now)]
    changing = [key for key, target in targets if (target.value if target else None) != model.states[-1][key]]
    edits = {(key, model.states[-1][key]) for key in changing if model.histories[key][-1].cause != "rollback"}
    outcome = _as_previewed(RollbackService.of_revision(owner_id=owner.id, revision=to, within=within))
    kept = {(key, value) for key, value, _ in losers_of(owner)}
    model.give_back(targets)
    assert (outcome.reverted, outcome.journaled, outcome.kept_count) == (len(changing), len(edits), 0)
    assert edits <= kept, "an edit was dropped silently"
    return outcome


def _undo_keys(owner: Owner, model: Model, undone: Outcome) -> Outcome:
    first, last = undone.from_revision, undone.from_revision + undone.reverted
    targets = [(key, model.at(key, first)) for key, now in model.current() if first < now.revision <= last]
    outcome = _as_previewed(Revert(owner.id, "undo", first, first=first, last=last))
    model.give_back(targets)
    return outcome


def _agree(owner: Owner, model: Model) -> None:
    owner.refresh_from_db()
    assert owner.revision == model.revision
    for revision, state in enumerate(model.states):
        assert rebuilt(owner, revision) == state
    revisions = [row.revision for kind in (Record, RecordVersion) for row in kind.objects.filter(owner_id=owner.id)]
    assert sorted(revisions) == list(range(1, owner.revision + 1)), "the revisions have gaps"


class TestRevert:
    def test_of_a_run_leaves_what_others_wrote_before_and_since(self) -> None:
        owner, run, other = make_owner(), uuid4(), uuid4()
        write(owner, "before", "old", run_id=other)
        write(owner, "before", "new", run_id=run)
        write(owner, "created", "x", run_id=run)
        write(owner, "since", "x", run_id=run)
        write(owner, "since", "edited", run_id=other)
        write(owner, "theirs", "y", run_id=other)
        outcome = revert(Revert(owner.id, "run", 1, run_id=run), at=timezone.now())
        assert (outcome.reverted, outcome.deleted, outcome.journaled, outcome.kept_count) == (2, 1, 0, 1)
        assert [(kept.key_json, kept.revision) for kept in outcome.kept] == [('"since"', 5)]
        now = {"before": "old", "created": None, "since": "edited", "theirs": "y"}
        assert rebuilt(owner, outcome.from_revision + 2) == now

    def test_of_a_run_does_not_bring_back_what_was_rolled_back_before_it(self) -> None:
        owner, first, second = make_owner(), uuid4(), uuid4()
        write(owner, "k", "original")
        write(owner, "k", "first", run_id=first)
        write(owner, "k", "second", run_id=second)
        revert(Revert(owner.id, "run", 0, run_id=second), at=timezone.now())
        revert(Revert(owner.id, "run", 0, run_id=first), at=timezone.now())
        assert rebuilt(owner, 5) == {"k": "original"}

    def test_to_a_point_journals_each_edit_it_takes_back_with_its_writer(self) -> None:
        owner, device = make_owner(), uuid4()
        write(owner, "k", "old")
        write(owner, "k", "edit", device_id=device, seq=7)
        write(owner, "gone", "x", device_id=device)
        write(owner, "gone", None, device_id=device, seq=9)
        outcome = revert(Revert(owner.id, "owner", 1), at=timezone.now())
        assert outcome.journaled == outcome.reverted == 1  # a key that came and went holds nothing to give back
        loser = Conflict.objects.get(owner_id=owner.id)
        assert (loser.loser_value, loser.loser_device_id, loser.loser_seq) == ('"edit"', device, 7)
        assert (loser.policy, loser.winner, loser.state) == ("ROLLBACK", "server", "decided")

    def test_writes_as_the_server_itself(self) -> None:
        owner = make_owner()
        write(owner, "k", "x", device_id=uuid4(), seq=3)
        revert(Revert(owner.id, "owner", 0), at=timezone.now())
        record = Record.objects.get(owner_id=owner.id)
        assert (record.device_id, record.seq, record.cause, record.value) == (None, 0, "rollback", None)

    def test_of_a_collection_goes_by_the_name_a_key_has_now(self) -> None:
        owner = make_owner()
        write(owner, "k", "1", collection="old name")
        write(owner, "k", "2", collection="notes")
        write(owner, "other", "x", collection="old name")
        within = Within.of_collection("notes")
        outcome = revert(RollbackService.of_revision(owner_id=owner.id, revision=1, within=within), at=timezone.now())
        assert (outcome.reverted, outcome.journaled) == (1, 1)
        assert rebuilt(owner, 4) == {"k": "1", "other": "x"}
        undo = RollbackService.of_revision(owner_id=owner.id, revision=outcome.from_revision, within=within)
        revert(undo, at=timezone.now())
        assert rebuilt(owner, 5) == {"k": "2", "other": "x"}

    @pytest.mark.parametrize("key", ["", "\ud800", "\x00", "__proto__", '"', "\u00e9"])
    def test_of_a_record_finds_any_key_and_that_alone(self, key: str) -> None:
        owner = make_owner()
        write(owner, key, "old")
        write(owner, key, "new")
        write(owner, "beside", "x")
        within = Within.of_record(namespace="default", key_json=literal(key).decode())
        revert(RollbackService.of_revision(owner_id=owner.id, revision=1, within=within), at=timezone.now())
        assert rebuilt(owner, 4) == {key: "old", "beside": "x"}

    def test_of_a_record_in_another_namespace_leaves_its_namesake(self) -> None:
        owner = make_owner()
        write(owner, "k", "1", namespace="old site")
        within = Within.of_record(namespace="default", key_json='"k"')
        outcome = revert(RollbackService.of_revision(owner_id=owner.id, revision=0, within=within), at=timezone.now())
        assert outcome.reverted == 0

    @pytest.mark.parametrize("text", ["", "k", "1", '["k"]', '"k', '"k" "l"', "null"])
    def test_of_a_record_takes_no_key_that_is_not_a_json_string(self, text: str) -> None:
        with pytest.raises(ValueError):  # noqa: PT011 - whichever of them
            Within.of_record(namespace="default", key_json=text)

    def test_touches_no_other_owner(self) -> None:
        owner, other, run = make_owner(), make_owner(), uuid4()
        write(owner, "k", "x", run_id=run)
        write(other, "k", "x", run_id=run)
        revert(Revert(owner.id, "run", 0, run_id=run), at=timezone.now())
        assert rebuilt(other, 1) == {"k": "x"}
