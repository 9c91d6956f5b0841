"""What of an owner's past goes, what stays, and that nobody is told anything wrong because of it."""

import threading
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migration.config import FaultInjected
from migration.errors import CursorExpired
from migration.models import AuditLine, Conflict, Device, Owner, Record, Repetition, RollbackPoint
from migration.orchestration import MigrationOrchestrator, pruning
from migration.records import changes_since
from migration.rollback import RollbackService, revert
from tests.factories.doors import account, make_tenant
from tests.factories.held import rebuilt, values_of, versions_of
from tests.factories.loads import make_owner
from tests.factories.ops import Writer
from tests.factories.writes import dispute, write

pytestmark = pytest.mark.django_db

NOW = timezone.now()
OLD, YOUNG = NOW - timedelta(days=400), NOW - timedelta(days=1)


def aged(owner: Owner) -> Owner:
    Owner.objects.filter(id=owner.id).update(created_at=OLD)
    return owner


def point(owner: Owner, at: datetime) -> RollbackPoint:
    made = RollbackService.create_point(owner_id=owner.id, name="before", actor="test", at=at)
    RollbackPoint.objects.filter(id=made.id).update(created_at=at)
    return made


def horizon(owner: Owner) -> int:
    return Owner.objects.get(id=owner.id).horizon


def old_past() -> Owner:
    """Four revisions long ago (the last a deletion), one yesterday."""
    owner = aged(make_owner())
    for key, value in (("a", "1"), ("a", "2"), ("gone", "x"), ("gone", None)):
        write(owner, key, value, at=OLD)
    write(owner, "a", "3", at=YOUNG)
    return owner


class TestThePast:
    def test_goes_as_far_as_no_device_away_needs_it(self) -> None:
        owner = old_past()
        pruning.prune_owner(owner.id, at=NOW)
        assert horizon(owner) == 4
        # What held at the horizon is needed to go back there.
        assert [(one.value, one.revision) for one in versions_of(owner)] == [("2", 2)]
        assert values_of(owner) == {"a": "3"}
        told = AuditLine.objects.get(action="history_pruned")
        assert (told.data["horizon"], told.data["bound_by"]) == (4, "devices that may still be away")

    def test_of_young_owners_stays(self) -> None:
        owner = make_owner()
        for value in "123":
            write(owner, "a", value, at=OLD)
        assert pruning.prune_owner(owner.id, at=NOW) == 0
        assert (horizon(owner), len(versions_of(owner))) == (0, 2)

    def test_goes_a_bounded_number_of_rows_at_a_time(self, settings) -> None:
        settings.MIGRATION = {**settings.MIGRATION, "PRUNE_ROWS": "2", "PRUNE_OWNERS": "1"}
        owner = aged(make_owner())
        for value in range(8):
            write(owner, "a", str(value), at=OLD)
        assert [pruning.prune(at=NOW) for _ in range(5)] == [2, 2, 2, 1, 0]
        assert values_of(owner) == {"a": "7"}

    def test_is_looked_at_by_the_sweeper(self, transactional_db) -> None:
        owner = old_past()
        assert MigrationOrchestrator().sweep(at=NOW)
        assert horizon(owner) == 4

    def test_stays_where_somebody_writes_for_the_owner(self, transactional_db) -> None:
        owner = old_past()
        locked, go_on = threading.Event(), threading.Event()

        def hold() -> None:
            with connection.cursor() as cursor:
                cursor.execute("BEGIN")
                cursor.execute("SELECT 1 FROM migration_owner WHERE id = %s FOR NO KEY UPDATE", [owner.id])
                locked.set()
                go_on.wait(30)
                cursor.execute("ROLLBACK")
            connection.close()

        writer = threading.Thread(target=hold)
        writer.start()
        assert locked.wait(30)
        try:
            assert pruning.prune_owner(owner.id, at=NOW) == 0
        finally:
            go_on.set()
            writer.join()
        assert horizon(owner) == 0
        assert pruning.prune_owner(owner.id, at=NOW) > 0


class TestADeathInTheMiddle:
    def test_before_the_commit_leaves_everything_and_the_next_look_goes_on(self, armed) -> None:
        owner = old_past()
        with armed("prune.before_commit:1:raise"), pytest.raises(FaultInjected):
            pruning.prune_owner(owner.id, at=NOW)
        assert (horizon(owner), len(versions_of(owner)), len(values_of(owner))) == (0, 3, 2)
        pruning.prune_owner(owner.id, at=NOW)
        assert (horizon(owner), len(versions_of(owner))) == (4, 1)


class TestACursor:
    def test_below_the_horizon_is_refused_and_one_at_it_is_not(self) -> None:
        owner = old_past()
        pruning.prune_owner(owner.id, at=NOW)
        with pytest.raises(CursorExpired):
            changes_since(owner_id=owner.id, namespace="default", since=3)
        assert [one.line for one in changes_since(owner_id=owner.id, namespace="default", since=4).records] == [
            '["a","3"]'
        ]

    def test_that_is_refused_is_told_so_through_the_door(self) -> None:
        device = Writer(account(make_tenant(), "user"))
        device.write("a", "1")
        device.write("a", "2")
        Owner.objects.update(horizon=2)
        answer = device.browser.get("/records?since=1")
        assert (answer.status_code, answer.json()["code"]) == (410, "cursor_expired")
        assert device.changes(since=2) == {}


class TestABase:
    def devices(self) -> list[Writer]:
        tenant = make_tenant()
        return [Writer(account(tenant, "user")) for _ in range(2)]

    def test_below_the_horizon_is_a_conflict_of_two_sides(self) -> None:
        one, other = self.devices()
        one.write("k", '{"a":1,"b":1}')
        other.write("k", '{"a":2,"b":1}', base=1)
        Owner.objects.update(horizon=2, created_at=OLD)
        told = one.write("k", '{"a":1,"b":3}', base=1)
        assert told["outcome"] == "conflict"
        assert Conflict.objects.get().reason == "no common base: the arriving write wins"

    def test_below_the_horizon_does_not_pass_for_the_devices_own_last_word(self) -> None:
        one, other = self.devices()
        one.write("k", "1")
        other.write("k", "2", base=1)
        one.write("k", "3", base=2)
        owner = Owner.objects.get()
        Owner.objects.update(horizon=3)
        pruned = {"owner_id": owner.id, "horizon": 3, "since": NOW, "most": 10}
        pruning.custody.prune_below(**pruned)
        # Nobody remembers that another one wrote after revision 1.
        assert one.write("k", "4", base=1)["outcome"] == "conflict"

    def test_at_which_nothing_has_changed_since_is_as_good_as_ever(self) -> None:
        one, other = self.devices()
        one.write("k", "1")
        Owner.objects.update(horizon=5, revision=5)
        assert other.write("k", "2", base=1)["outcome"] == "accepted"


class TestRollbackPoints:
    def test_hold_the_horizon_down_for_as_long_as_they_are_kept(self) -> None:
        owner = aged(make_owner())
        write(owner, "a", "1", at=OLD)
        kept = point(owner, NOW - timedelta(days=100))
        for value in ("2", "3"):
            write(owner, "a", value, at=OLD)
        pruning.prune_owner(owner.id, at=NOW)
        assert horizon(owner) == kept.revision == 1
        assert rebuilt(owner, 1) == {"a": "1"}

    def test_go_when_they_are_too_old_but_never_the_newest(self) -> None:
        owner = aged(make_owner())
        for value in "123":
            write(owner, "a", value, at=OLD)
            point(owner, OLD + timedelta(days=int(value)))
        pruning.prune_owner(owner.id, at=NOW)
        assert [one.revision for one in RollbackPoint.objects.filter(owner=owner)] == [3]
        assert horizon(owner) == 3

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["1", "2", "{}", None])), min_size=1, max_size=25),
        st.integers(0, 24),
    )
    def test_that_are_kept_give_exactly_the_state_there_was(self, writes, at) -> None:
        owner = aged(make_owner())
        then: dict[str, str | None] = {}
        model: dict[str, str | None] = {}
        for place, (key, value) in enumerate(writes):
            if place == at % len(writes):
                made, then = point(owner, NOW - timedelta(days=10)), dict(model)
            write(owner, key, value, at=OLD)
            model[key] = value
        pruning.prune_owner(owner.id, at=NOW)
        assert horizon(owner) == made.revision
        revert(RollbackService.of_revision(owner_id=owner.id, revision=made.revision), at=NOW)
        live = {key: value for key, value in values_of(owner).items() if value is not None}
        assert live == {key: value for key, value in then.items() if value is not None}


class TestTraces:
    def test_of_repetitions_go_when_they_are_old_and_not_by_the_records_age(self) -> None:
        owner = old_past()
        young, old = (Device.objects.create(owner=owner, key=key) for key in (owner.id, owner.app_id))
        place = {"owner_id": owner.id, "namespace": "default", "key_hash": b"k" * 32, "seq": 1, "revision": 1}
        Repetition.objects.create(**place, device_id=young.id, noted_at=YOUNG)
        Repetition.objects.create(**place, device_id=old.id, noted_at=OLD)
        pruning.prune_owner(owner.id, at=NOW)
        assert [one.device_id for one in Repetition.objects.filter(owner_id=owner.id)] == [young.id]

    def test_of_conflicts_stay_while_they_are_open_or_the_winner_stands(self) -> None:
        owner = aged(make_owner())
        for key, policy in (("open", "INTERACTIVE"), ("stands", "AUTO_SKIP"), ("replaced", "AUTO_SKIP")):
            dispute(owner, key, held="1", lost="2", policy=policy)
        Conflict.objects.update(created_at=OLD)
        Record.objects.filter(owner_id=owner.id).update(written_at=OLD)
        write(owner, "replaced", "3", at=OLD)
        write(owner, "z", "1", at=YOUNG)
        pruning.prune_owner(owner.id, at=NOW)
        assert set(Conflict.objects.values_list("key_json", flat=True)) == {'"open"', '"stands"'}
