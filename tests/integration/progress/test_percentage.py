"""The database keeps percentage, pace and number, whoever writes the counters."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migration.models import Device, MigrationRun
from migration.progress import snapshot, snapshot_of
from migration.states import RunState
from tests.factories.loads import make_device, make_run

pytestmark = pytest.mark.django_db

AMOUNTS = st.integers(0, 5_000)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("entries_total"), AMOUNTS),
        st.tuples(st.just("entries_received"), AMOUNTS),
        st.tuples(st.just("entries_processed"), AMOUNTS),
        st.tuples(st.just("state"), st.sampled_from(["transferring", "verifying", "failed"])),
        st.tuples(st.just("upload_state"), st.sampled_from(["open", "sealed", "consumed"])),
        st.tuples(st.just("receipt"), st.sampled_from(["", "", "", "signed"])),
    ),
    max_size=25,
)


@pytest.fixture
def device() -> Device:
    return make_device()


def write(run: MigrationRun, **columns: object) -> MigrationRun:
    MigrationRun.objects.filter(id=run.id).update(**columns)
    return MigrationRun.objects.get(id=run.id)


class TestPercentage:
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(steps=STEPS)
    def test_never_falls_and_is_100_only_with_a_receipt(self, device: Device, steps: list[tuple[str, object]]) -> None:
        run, before, receipted = make_run(device), 0.0, False
        for column, value in steps:
            amount = F(column) + value if column.startswith("entries") else value
            run = write(run, **{column: amount})
            receipted = receipted or bool(run.receipt)
            assert before <= run.percentage <= 100
            assert (run.percentage == 100) == receipted
            before = run.percentage

    def test_weighs_upload_load_and_verification(self, device: Device) -> None:
        run = make_run(device, entries_total=200)
        assert write(run, entries_received=100).percentage == 20
        assert write(run, entries_processed=100).percentage == 45
        assert write(run, entries_received=200, entries_processed=200).percentage == 90
        assert write(run, state=RunState.VERIFYING).percentage == 95
        assert write(run, receipt="signed").percentage == 100

    def test_stays_when_the_manifest_grows_and_when_a_repair_begins(self, device: Device) -> None:
        run = write(make_run(device, entries_total=100), entries_received=100, entries_processed=80)
        assert run.percentage == 80
        assert write(run, entries_total=10_000).percentage == 80
        assert write(run, state=RunState.VERIFYING, entries_total=100).percentage == 85
        assert write(run, state=RunState.TRANSFERRING).percentage == 85

    def test_of_an_empty_storage_waits_for_the_seal(self, device: Device) -> None:
        run = make_run(device)
        assert write(run, chunks_received=0).percentage == 0
        assert write(run, upload_state="sealed").percentage == 90

    def test_survives_a_stale_instance_being_saved(self, device: Device) -> None:
        stale = make_run(device, entries_total=100)
        now = write(stale, entries_received=100)
        stale.save()
        again = MigrationRun.objects.get(id=stale.id)
        assert again.percentage == now.percentage == 40
        assert again.number > now.number


class TestNumber:
    def test_rises_with_every_change_a_snapshot_shows(self, device: Device) -> None:
        run = make_run(device)
        for columns in (
            {"entries_received": 5},
            {"pause_wished": True},
            {"errors": [{"code": "x"}]},
            {"state": "failed"},
        ):
            before = run.number
            run = write(run, **columns)
            assert run.number == before + 1

    def test_stays_when_nothing_shown_has_changed(self, device: Device) -> None:
        run = make_run(device)
        assert write(run, updated_at=timezone.now(), types={"note": {"text": 1}}).number == run.number


class TestPace:
    def test_is_that_of_the_last_seconds_and_not_of_the_whole_run(self, device: Device) -> None:
        run = write(make_run(device, entries_total=10_000), entries_received=10_000, entries_processed=100)
        hour_ago = timezone.now() - timedelta(hours=1)
        write(run, pace_at=hour_ago, pace_mark_at=hour_ago)

        run = write(run, entries_processed=1_100)
        shown = snapshot(run, at=run.pace_mark_at)

        assert shown["entries_per_second"] == 100  # a thousand in the last ten seconds at most
        assert shown["eta_seconds"] == 89

    def test_counts_from_the_first_entry_that_came(self, device: Device) -> None:
        run = write(make_run(device, entries_total=400), entries_received=400)
        assert run.pace_at is not None
        run = write(run, entries_processed=200)
        assert snapshot(run, at=run.pace_at + timedelta(seconds=2))["entries_per_second"] == 100

    @pytest.mark.parametrize("columns", [{"pause_wished": True}, {"state": "failed"}, {"state": "rolled_back"}])
    def test_promises_nothing_while_nothing_moves(self, device: Device, columns: dict[str, object]) -> None:
        run = write(make_run(device, entries_total=400), entries_received=400, entries_processed=200)
        write(run, **columns)
        shown = snapshot_of(run.id)
        assert (shown["entries_per_second"], shown["eta_seconds"]) == (0.0, None)
