import json
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from migration.errors import NotFound
from migration.models import MigrationRun, RunEvent
from migration.progress import record_error, snapshot, snapshot_of
from tests.factories.loads import make_run

pytestmark = pytest.mark.django_db

FIELDS = {
    "id", "state", "purpose", "dry_run", "sealed", "paused", "cancelling", "manifest_version", "epoch", "number",
    "entries", "bytes", "chunks", "phases", "percentage", "entries_per_second", "eta_seconds", "success_rate", "errors",
    "mismatch", "verify_rounds", "receipt", "can_rollback", "created_at", "finished_at",
}  # fmt: skip
ENTRIES = {
    "total", "received", "processed", "stored", "unchanged", "superseded", "conflict", "quarantined", "withheld",
    "deleted",
}  # fmt: skip


class TestSnapshot:
    def test_has_exactly_the_fields_of_the_wire(self) -> None:
        shown = snapshot_of(make_run().id)
        assert shown.keys() == FIELDS
        assert shown["entries"].keys() == ENTRIES
        assert shown["bytes"].keys() == {"total", "received", "processed"}
        assert shown["chunks"].keys() == {"received", "loaded"}
        assert shown["phases"].keys() == {"upload", "validation", "backup", "load", "verification"}
        json.dumps(shown)

    def test_is_the_same_of_a_whole_row_and_of_a_light_one(self) -> None:
        run = make_run(manifest={"version": 1, "withheld": {"count": 3, "rules": {"jwt": 3}}})
        assert snapshot_of(run.id) == snapshot(MigrationRun.objects.get(id=run.id))
        assert snapshot_of(run.id)["entries"]["withheld"] == 3

    def test_takes_one_query_and_leaves_the_manifest_where_it_is(self) -> None:
        run = make_run()
        with CaptureQueriesContext(
            connection,
        ) as queries:
            snapshot_of(run.id)
        assert len(queries) == 1
        assert '"migration_migrationrun"."manifest",' not in queries[0]["sql"]

    def test_counts_quarantine_against_success(self) -> None:
        shown = snapshot_of(make_run(entries_total=4, entries_processed=4, entries_quarantined=1).id)
        assert shown["success_rate"] == 0.75

    def test_shows_the_end_only_of_what_has_ended(self) -> None:
        revived = make_run(state="transferring", finished_at=timezone.now())
        assert snapshot_of(revived.id)["finished_at"] is None

    @pytest.mark.parametrize(
        ("columns", "can"),
        [
            ({"state": "completed"}, True),
            ({"state": "completed", "dry_run": True}, False),
            ({"state": "completed", "purpose": "backup"}, False),
            ({"state": "planned"}, False),
            ({"state": "rolled_back"}, False),
        ],
    )
    def test_says_whether_a_rollback_may_be_asked_for(self, columns: dict[str, object], can: bool) -> None:
        assert snapshot_of(make_run(**columns).id)["can_rollback"] is can

    def test_of_a_run_that_is_gone_is_not_found(self) -> None:
        with pytest.raises(NotFound):
            snapshot_of(uuid4())


class TestErrors:
    def test_are_bounded_newest_last_and_stand_in_the_timeline(self) -> None:
        run = make_run()
        for number in range(53):
            record_error(run.id, "too_long", f"error {number}", timezone.now())
        kept = snapshot_of(run.id)["errors"]
        assert [one["detail"] for one in kept] == [f"error {number}" for number in range(3, 53)]
        assert kept[0].keys() == {"code", "detail", "at"}
        numbers = list(RunEvent.objects.filter(run=run, kind="error").order_by("id").values_list("number", flat=True))
        assert numbers == list(range(1, 54))

    def test_take_whatever_text_there_is(self) -> None:
        run = make_run()
        record_error(run.id, "odd", "a\0b\ud800c" + "x" * 10_000, timezone.now())
        detail = snapshot_of(run.id)["errors"][0]["detail"]
        assert detail.startswith("a\ufffdb?c")
        assert len(detail) == 500

    def test_of_a_run_that_is_gone_are_passed_over(self) -> None:
        record_error(uuid4(), "odd", "gone", timezone.now())
