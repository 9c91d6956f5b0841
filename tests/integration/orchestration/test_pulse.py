"""The pulse: what happened, counted by the minute, the same however often it is counted."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from migration.models import EVERYBODY, Chunk, MigrationRun, Pulse
from migration.orchestration.pulse import FOLD_SECONDS, LATE, fold_pulse
from migration.progress import record_error
from tests.factories.loads import make_device, make_run, put_chunk

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 5, 12, 30, 40, tzinfo=UTC)
MINUTE = NOW.replace(second=0)


def loaded(run: MigrationRun, *, at: datetime, entries: int) -> None:
    seq = Chunk.objects.count() + 1
    chunk_id = put_chunk(run, [(f"k{number}", "v") for number in range(entries)], seq=seq)
    Chunk.objects.filter(id=chunk_id).update(state="loaded", loaded_at=at)


def amounts(measure: str, app_id: object = EVERYBODY) -> dict[tuple[str, datetime], float]:
    rows = Pulse.objects.filter(measure=measure, app_id=app_id, amount__gt=0)
    return {(code, minute): amount for code, minute, amount in rows.values_list("code", "minute", "amount")}


class TestFold:
    def test_counts_entries_by_the_minute_for_each_app_and_for_all(self) -> None:
        run, other = make_run(), make_run()
        loaded(run, at=MINUTE - timedelta(seconds=70), entries=3)
        loaded(run, at=MINUTE - timedelta(seconds=100), entries=4)
        loaded(other, at=MINUTE - timedelta(seconds=70), entries=5)
        assert fold_pulse(at=NOW)
        minute = MINUTE - timedelta(minutes=2)
        assert amounts("entries", run.app_id) == {("", minute): 7}
        assert amounts("entries") == {("", minute): 12}

    def test_done_again_changes_nothing_and_takes_in_what_came_late(self) -> None:
        run = make_run()
        loaded(run, at=MINUTE, entries=3)
        fold_pulse(at=NOW)
        later = NOW + timedelta(seconds=FOLD_SECONDS)
        fold_pulse(at=later)
        assert amounts("entries") == {("", MINUTE): 3}
        loaded(run, at=MINUTE, entries=2)
        fold_pulse(at=later + timedelta(seconds=FOLD_SECONDS))
        assert amounts("entries") == {("", MINUTE): 5}

    def test_makes_up_for_the_time_nobody_folded(self) -> None:
        run = make_run()
        fold_pulse(at=NOW)
        asleep = NOW + timedelta(hours=5)
        loaded(run, at=NOW + timedelta(hours=1), entries=3)
        fold_pulse(at=asleep)
        assert sum(amounts("entries").values()) == 3

    def test_leaves_alone_what_is_older_than_anything_may_be_late(self) -> None:
        run = make_run()
        loaded(run, at=MINUTE, entries=3)
        fold_pulse(at=NOW)
        Chunk.objects.all().delete()
        fold_pulse(at=NOW + LATE + timedelta(minutes=2))
        assert amounts("entries") == {("", MINUTE): 3}

    def test_waits_between_two_folds(self) -> None:
        assert fold_pulse(at=NOW)
        assert not fold_pulse(at=NOW + timedelta(seconds=FOLD_SECONDS - 1))

    def test_counts_errors_by_their_code(self) -> None:
        run = make_run()
        record_error(run.id, "odd", "it was odd", MINUTE)
        record_error(run.id, "odd", "again", MINUTE)
        record_error(run.id, "even", "it was even", MINUTE)
        fold_pulse(at=NOW)
        assert amounts("errors", run.app_id) == {("odd", MINUTE): 2, ("even", MINUTE): 1}

    def test_writes_down_how_things_stand_and_forgets_how_they_stood(self) -> None:
        hour = NOW.replace(minute=0, second=0)
        make_device()
        run = make_run(state="failed", started_at=timezone.now())
        make_run(state="completed", dry_run=True)
        fold_pulse(at=NOW)
        assert amounts("runs", run.app_id) == {("failed", hour): 1}
        assert amounts("funnel") == {("detected", hour): 3, ("planned", hour): 1, ("transferring", hour): 1}
        type(run).objects.filter(id=run.id).update(state="completed")
        fold_pulse(at=NOW + timedelta(seconds=FOLD_SECONDS))
        assert amounts("runs", run.app_id) == {("completed", hour): 1}
        assert amounts("funnel")["verified", hour] == 1

    def test_deletes_what_is_older_than_it_keeps(self) -> None:
        run = make_run()
        loaded(run, at=MINUTE, entries=3)
        fold_pulse(at=NOW)
        fold_pulse(at=NOW + timedelta(days=9))
        assert amounts("entries") == {}
        assert Pulse.objects.filter(measure="folded").count() == 1
