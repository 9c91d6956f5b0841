"""The truth table of an arriving entry (semantics 2 and 6), each row on real tables."""

import pytest
from django.utils import timezone

from migration.lifecycle import release_chunks
from migration.models import Conflict, MigrationRun, Owner, Record
from migration.values.digests import fingerprint, key_hash
from migration.values.lines import encode_line, literal
from tests.factories.held import losers_of, rebuilt, records_of, values_of, versions_of
from tests.factories.loads import make_app, make_device, make_owner, make_run, put_chunk

POLICIES = ("INTERACTIVE", "AUTO_SKIP", "AUTO_OVERWRITE", "AUTO_MERGE")
COUNTERS = ("stored", "unchanged", "superseded", "conflict", "quarantined")


def counters(run: MigrationRun) -> dict[str, int]:
    """Return a run's counters that are not naught; they must sum to what was processed."""
    row = MigrationRun.objects.values().get(id=run.id)
    counted = {name: row[f"entries_{name}"] for name in COUNTERS}
    assert sum(counted.values()) == row["entries_processed"], "the outcomes are disjoint and sum to the whole"
    return {name: count for name, count in counted.items() if count}


def revision(owner: Owner) -> int:
    return Owner.objects.values_list("revision", flat=True).get(id=owner.id)


@pytest.fixture
def owner(transactional_db):
    return make_owner()


@pytest.fixture
def load(worker):
    """Load one chunk of `entries` from a device; return its run."""

    def do(device, entries, *, seq, **columns):
        run = make_run(device, **columns)
        put_chunk(run, entries, seq=seq)
        worker.load_all()
        return run

    return do


class TestFirstArrival:
    def test_is_stored_without_history(self, owner, load):
        run = load(make_device(owner), [("a", "1"), ("b", "2")], seq=1)

        assert values_of(owner) == {"a": "1", "b": "2"}
        assert versions_of(owner) == []
        assert counters(run) == {"stored": 2}
        assert revision(owner) == 2

    def test_tells_the_types_it_saw_over_all_chunks(self, owner, worker):
        run = make_run(make_device(owner))
        put_chunk(run, [("a", "1"), ("b", "{}"), ("gone", None)], seq=1)
        worker.load_all()
        put_chunk(run, [("c", "2")], seq=2)
        worker.load_all()

        (types,) = MigrationRun.objects.get(id=run.id).types.values()
        assert types == {"number": 2, "object": 1}

    def test_may_be_a_tombstone(self, owner, load):
        run = load(make_device(owner), [("gone", None)], seq=1)

        assert values_of(owner) == {"gone": None}
        assert counters(run) == {"stored": 1}
        assert MigrationRun.objects.get(id=run.id).entries_deleted == 1

    def test_belongs_to_its_owner_and_namespace_alone(self, owner, load):
        other = make_owner(make_app(namespace="elsewhere"))
        load(make_device(owner), [("a", "mine")], seq=1)
        load(make_device(other), [("a", "yours")], seq=1)

        assert (values_of(owner), values_of(other)) == ({"a": "mine"}, {"a": "yours"})
        assert Record.objects.get(owner_id=other.id).namespace == "elsewhere"


class TestSameDevice:
    def test_same_value_changes_nothing(self, owner, load):
        device = make_device(owner)
        load(device, [("a", "1")], seq=1)
        run = load(device, [("a", "1")], seq=2)

        assert counters(run) == {"unchanged": 1}
        assert revision(owner) == 1

    def test_older_seq_is_superseded(self, owner, load):
        device = make_device(owner)
        load(device, [("a", "new")], seq=5)
        run = load(device, [("a", "old")], seq=4)

        assert values_of(owner) == {"a": "new"}
        assert counters(run) == {"superseded": 1}
        assert versions_of(owner) == []

    def test_newer_seq_is_applied_and_keeps_history(self, owner, load):
        device = make_device(owner)
        load(device, [("a", "old")], seq=1)
        run = load(device, [("a", "new")], seq=2)

        assert values_of(owner) == {"a": "new"}
        assert counters(run) == {"stored": 1}
        assert [(held.value, held.revision, held.until) for held in versions_of(owner)] == [("old", 1, 2)]
        assert losers_of(owner) == []

    def test_deletes_what_it_wrote(self, owner, load):
        device = make_device(owner)
        load(device, [("a", "1")], seq=1)
        load(device, [("a", None)], seq=2)

        assert values_of(owner) == {"a": None}
        assert rebuilt(owner, 1) == {"a": "1"}

    def test_older_write_stays_superseded_after_a_newer_one_that_changed_nothing(self, owner, load):
        """seq 3 says the same as seq 1; when seq 2 comes last it must not undo seq 3."""
        device = make_device(owner)
        load(device, [("a", "v")], seq=1)
        load(device, [("a", "v")], seq=3)
        run = load(device, [("a", "w")], seq=2)

        assert values_of(owner) == {"a": "v"}
        assert counters(run) == {"superseded": 1}

    def test_late_chunk_does_not_dispute_what_its_own_newer_one_lost_to(self, owner, load):
        """The phone wrote seq 5, the laptop came over it, and now the phone's seq 3 arrives: an echo, no claim."""
        phone, laptop = make_device(owner), make_device(owner)
        load(phone, [("a", "phone 5")], seq=5)
        load(laptop, [("a", "laptop")], seq=1)
        run = load(phone, [("a", "phone 3")], seq=3)

        assert values_of(owner) == {"a": "laptop"}
        assert counters(run) == {"superseded": 1}
        assert losers_of(owner) == [("a", "phone 5", "arriving")]

    def test_late_chunk_does_not_dispute_again_what_its_newer_one_disputed(self, owner, load):
        phone, laptop = make_device(owner), make_device(owner)
        load(laptop, [("a", "laptop")], seq=1)
        load(phone, [("a", "phone 5")], seq=5, conflict_policy="AUTO_SKIP")
        run = load(phone, [("a", "phone 3")], seq=3, conflict_policy="AUTO_OVERWRITE")

        assert values_of(owner) == {"a": "laptop"}
        assert counters(run) == {"superseded": 1}
        assert losers_of(owner) == [("a", "phone 5", "server")]


class TestOtherDevice:
    @pytest.mark.parametrize(
        ("policy", "kept", "lost", "winner", "state"),
        [
            ("INTERACTIVE", "server", "arriving", "none", "open"),
            ("AUTO_SKIP", "server", "arriving", "server", "decided"),
            ("AUTO_OVERWRITE", "arriving", "server", "arriving", "decided"),
            ("AUTO_MERGE", "arriving", "server", "arriving", "decided"),
        ],
    )
    def test_other_value_goes_by_policy_and_keeps_the_loser(self, owner, load, policy, kept, lost, winner, state):
        load(make_device(owner), [("a", "server")], seq=9)
        run = load(make_device(owner), [("a", "arriving")], seq=1, conflict_policy=policy)

        assert values_of(owner) == {"a": kept}
        assert losers_of(owner) == [("a", lost, winner)]
        assert Conflict.objects.get().state == state
        assert counters(run) == ({"stored": 1} if kept == "arriving" else {"conflict": 1})

    @pytest.mark.parametrize("policy", POLICIES)
    def test_same_value_is_no_conflict(self, owner, load, policy):
        load(make_device(owner), [("a", "same")], seq=1)
        run = load(make_device(owner), [("a", "same")], seq=1, conflict_policy=policy)

        assert counters(run) == {"unchanged": 1}
        assert losers_of(owner) == []

    @pytest.mark.parametrize(
        ("policy", "kept"),
        [("INTERACTIVE", "edit"), ("AUTO_SKIP", "edit"), ("AUTO_OVERWRITE", None), ("AUTO_MERGE", "edit")],
    )
    def test_deletion_loses_to_an_edit_unless_it_overwrites(self, owner, load, policy, kept):
        load(make_device(owner), [("a", "edit")], seq=1)
        load(make_device(owner), [("a", None)], seq=1, conflict_policy=policy)

        assert values_of(owner) == {"a": kept}
        assert [value for _, value, _ in losers_of(owner)] == [None if kept else "edit"]

    @pytest.mark.parametrize(
        ("policy", "kept"),
        [("INTERACTIVE", None), ("AUTO_SKIP", None), ("AUTO_OVERWRITE", "edit"), ("AUTO_MERGE", "edit")],
    )
    def test_edit_meets_a_tombstone_by_policy(self, owner, load, policy, kept):
        load(make_device(owner), [("a", None)], seq=1)
        load(make_device(owner), [("a", "edit")], seq=1, conflict_policy=policy)

        assert values_of(owner) == {"a": kept}

    def test_collection_has_its_own_policy(self, load):
        app = make_app(collections=[{"name": "cart", "patterns": ["cart:*"], "conflict_policy": "AUTO_SKIP"}])
        owner = make_owner(app)
        load(make_device(owner), [("cart:1", "server"), ("note:1", "server")], seq=1)
        load(
            make_device(owner),
            [("cart:1", "arriving"), ("note:1", "arriving")],
            seq=1,
            collections=app.collections,
            conflict_policy="AUTO_OVERWRITE",
        )

        assert values_of(owner) == {"cart:1": "server", "note:1": "arriving"}

    @pytest.mark.parametrize("policy", POLICIES)
    def test_what_a_rollback_removed_may_come_again(self, owner, load, policy):
        device = make_device(owner)
        load(device, [("a", "1")], seq=1)
        line = encode_line("a", None)
        Record.objects.filter(owner_id=owner.id, key_hash=key_hash(literal("a"))).update(
            value=None, cause="rollback", device_id=None, seq=0, revision=2, fingerprint=fingerprint(line)
        )
        Owner.objects.filter(id=owner.id).update(revision=2)

        run = load(device, [("a", "1")], seq=2, conflict_policy=policy)

        assert values_of(owner) == {"a": "1"}
        assert counters(run) == {"stored": 1}
        assert losers_of(owner) == []

    def test_same_dispute_twice_is_kept_once(self, owner, load):
        load(make_device(owner), [("a", "server")], seq=1)
        phone = make_device(owner)
        load(phone, [("a", "phone")], seq=1, conflict_policy="AUTO_SKIP")
        load(phone, [("a", "phone")], seq=2, conflict_policy="AUTO_SKIP")

        assert losers_of(owner) == [("a", "phone", "server")]


class TestTwoDevicesWithTheSameKeys:
    @pytest.mark.parametrize("policy", POLICIES)
    def test_meet_one_after_the_other_though_they_wait_together(self, owner, worker, policy):
        phone, laptop = (
            make_run(make_device(owner), conflict_policy=policy),
            make_run(make_device(owner), conflict_policy=policy),
        )
        put_chunk(phone, [(f"k{number}", f"phone {number}") for number in range(20)], seq=7)
        put_chunk(laptop, [(f"k{number}", f"laptop {number}") for number in range(20)], seq=3)

        worker.load_all()

        winner, loser = ("laptop", "phone") if policy in ("AUTO_OVERWRITE", "AUTO_MERGE") else ("phone", "laptop")
        assert values_of(owner) == {f"k{number}": f"{winner} {number}" for number in range(20)}
        assert sorted(losers_of(owner)) == sorted(
            (
                f"k{number}",
                f"{loser} {number}",
                {"phone": "arriving"}.get(loser, "none" if policy == "INTERACTIVE" else "server"),
            )
            for number in range(20)
        )
        for run in (phone, laptop):
            counters(run)


class TestDuplicateKeys:
    def test_within_a_chunk_the_last_stands_for_all(self, owner, load):
        run = load(make_device(owner), [("a", "1"), ("b", "x"), ("a", "2"), ("a", "3")], seq=1)

        assert values_of(owner) == {"a": "3", "b": "x"}
        assert counters(run) == {"stored": 2, "superseded": 2}
        assert versions_of(owner) == []

    def test_across_chunks_of_one_batch_the_newest_seq_stands(self, owner, worker):
        run = make_run(make_device(owner))
        for seq in (3, 1, 2):
            put_chunk(run, [("a", f"seq {seq}"), (f"only {seq}", "x")], seq=seq)

        assert worker.load_all() == 1

        assert values_of(owner) == {"a": "seq 3", "only 1": "x", "only 2": "x", "only 3": "x"}
        assert counters(run) == {"stored": 4, "superseded": 2}
        assert revision(owner) == 4

    def test_across_batches_in_any_order_the_newest_seq_stands(self, owner, worker):
        run = make_run(make_device(owner))
        for seq in (2, 3, 1):
            put_chunk(run, [("a", f"seq {seq}")], seq=seq)

        assert worker.load_all(chunks=1) == 3
        assert values_of(owner) == {"a": "seq 3"}

    def test_within_a_chunk_the_last_stands_though_it_is_loaded_in_spans(self, owner, worker):
        run = make_run(make_device(owner))
        put_chunk(run, [("a", "first"), *((f"k{number}", "x") for number in range(14)), ("a", "last")], seq=1)
        for _ in range(2):
            release_chunks(worker.claim())

        assert worker.load_all() == 8
        assert values_of(owner)["a"] == "last"


class TestHistory:
    def test_gives_out_revisions_without_gaps(self, owner, load):
        phone, laptop = make_device(owner), make_device(owner)
        load(phone, [("a", "1"), ("b", "1"), ("b", "2")], seq=1)
        load(laptop, [("a", "2"), ("b", "2"), ("c", "1")], seq=1)
        load(phone, [("c", None), ("d", "1"), ("a", "1")], seq=2)

        top = revision(owner)
        every = [*records_of(owner).values(), *versions_of(owner)]
        assert sorted(held.revision for held in every) == list(range(1, top + 1))

    def test_rebuilds_every_revision(self, owner, load):
        device = make_device(owner)
        states = [{}]
        for seq in range(1, 8):
            entry = (f"k{seq % 3}", None if seq % 4 == 0 else str(seq))
            load(device, [entry], seq=seq)
            states.append({**states[-1], entry[0]: entry[1]})

        assert [rebuilt(owner, number) for number in range(len(states))] == states

    def test_orders_the_revisions_of_a_batch_as_they_were_written(self, owner, worker):
        run = make_run(make_device(owner))
        put_chunk(run, [("c", "x"), ("a", "x")], seq=2)
        put_chunk(run, [("b", "x")], seq=1)
        worker.load_all()

        assert [key for key, held in sorted(records_of(owner).items(), key=lambda item: item[1].revision)] == [
            "b",
            "c",
            "a",
        ]


class TestRunThatWritesNothing:
    @pytest.mark.parametrize("columns", [{"dry_run": True}, {"purpose": "backup"}], ids=["dry run", "mere backup"])
    def test_leaves_records_history_and_revisions_alone(self, owner, load, columns):
        load(make_device(owner), [("a", "server"), ("b", "1")], seq=1)
        before = (records_of(owner), versions_of(owner), revision(owner))

        run = load(make_device(owner), [("a", "other"), ("b", "1"), ("c", "new")], seq=1, **columns)

        assert (records_of(owner), versions_of(owner), revision(owner)) == before
        assert losers_of(owner) == []
        assert MigrationRun.objects.get(id=run.id).entries_processed == 3

    def test_dry_run_foretells_the_outcomes(self, owner, load):
        load(make_device(owner), [("a", "server"), ("b", "1")], seq=1)
        entries = [("a", "other"), ("b", "1"), ("c", "new")]
        phone = make_device(owner)

        foretold = counters(load(phone, entries, seq=1, dry_run=True, conflict_policy="AUTO_SKIP"))
        came = counters(load(phone, entries, seq=1, conflict_policy="AUTO_SKIP"))

        assert foretold == came == {"stored": 1, "unchanged": 1, "conflict": 1}


class TestExactness:
    @pytest.mark.parametrize(
        "value",
        ["", "hello", '"hello"', "\x00", "\ud800", "\udc00\ud800", "1e400", "-0", '{"a":1,"a":2}',
         "[" * 127 + "]" * 127, "[" * 200 + "]" * 200,
         '"\\u0000"', '"\\ud800"', "{broken", "\ufeff1", " 1 ", "NaN", "12345678901234567890"],
    )  # fmt: skip
    def test_value_comes_back_code_unit_for_code_unit(self, owner, load, value):
        load(make_device(owner), [("k", value)], seq=1)
        assert values_of(owner) == {"k": value}

    def test_any_key_is_a_key(self, owner, load):
        keys = ["", "__proto__", "length", "\x00", "\ud800", "e\u0301", "\u00e9", "\ufeff", "a\nb", "😀", '"']
        load(make_device(owner), [(key, key) for key in keys], seq=1)
        assert values_of(owner) == {key: key for key in keys}


def test_a_batch_is_dated_by_the_time_it_is_given(worker, owner):
    put_chunk(make_run(make_device(owner)), [("a", "1")], seq=1)
    at = timezone.now().replace(year=2031)
    worker.load(worker.claim(), at=at)
    assert Record.objects.get(owner_id=owner.id).written_at == at
