"""What was decided for a run is told with its reason, at the price of one question."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from migration.models import Chunk, MigrationRun, Record
from migration.orchestration.verification import verify_run
from migration.reports import decisions
from tests.factories.loads import make_app, make_device, make_owner, make_run
from tests.factories.runs import loaded_run, sealed_run
from tests.factories.uploads import todos
from tests.factories.workers import Worker


@pytest.fixture
def worker(transactional_db: None) -> Worker:
    return Worker()


def told(run: MigrationRun) -> list[tuple[str, str, int, int, int]]:
    return [(one.kind, one.reason, one.count, one.lowest, one.highest) for one in decisions(run)]


class TestDecisions:
    def test_of_a_run_that_went_straight_are_its_policy_and_its_sizes(self, worker: Worker) -> None:
        parts = [todos(3), todos(4, first=3)]
        run = loaded_run(worker, todos(7), chunks=parts)
        sizes = sorted(Chunk.objects.filter(run=run).values_list("payload_bytes", flat=True))
        assert told(run) == [
            ("policy", "app", 1, 0, 0),
            ("chunk", "", 2, *sizes),
            ("batch", "all_that_waited", 1, 7, 7),
            ("strategy", "copy", 1, 7, 7),
        ]

    def test_count_a_batch_once_however_many_chunks_it_checks_off(self, worker: Worker) -> None:
        run = sealed_run(todos(300), chunks=[todos(1, first=number) for number in range(300)])
        assert worker.load_all(chunks=300) == 1
        assert [one[2] for one in told(run) if one[0] == "batch"] == [1]

    def test_tell_of_every_round_of_repair_and_of_what_was_tried_again(self, worker: Worker) -> None:
        run = loaded_run(worker, todos(2))
        Record.objects.filter(key_json='"todo:1"').delete()
        verify_run(run.id, at=timezone.now())
        Chunk.objects.filter(run=run).update(fence=4)
        assert told(run)[-2:] == [("again", "", 1, 3, 3), ("repair", "", 1, 0, 0)]

    def test_name_the_policy_the_run_asked_for_and_those_of_its_collections(self, db: None) -> None:
        named = [{"name": name, "patterns": [f"{name}:*"], "conflict_policy": "AUTO_SKIP"} for name in ("todo", "else")]
        app = make_app(collections=named)
        run = make_run(
            make_device(make_owner(app)),
            collections=named[:1],
            options={"conflictResolution": "INTERACTIVE"},
            conflict_policy="INTERACTIVE",
        )
        assert [(one.reason, one.subject) for one in decisions(run)] == [
            ("run", ("INTERACTIVE", "")),
            ("collection", ("AUTO_SKIP", "todo")),
        ]

    def test_take_one_question_and_none_of_the_payloads(self, worker: Worker) -> None:
        run = MigrationRun.objects.select_related("app").get(id=loaded_run(worker, todos(2)).id)
        with CaptureQueriesContext(connection) as asked:
            decisions(run)
        assert len(asked) == 1
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (VERBOSE) {asked[0]['sql']}")
            assert "sealed_payload" not in str(cursor.fetchall())

    def test_stand_on_the_runs_page_in_sentences(self, worker: Worker, admin_client: Client) -> None:
        run = loaded_run(worker, todos(3))
        page = admin_client.get(reverse("admin:migration_migrationrun_change", args=[run.id])).content.decode()
        assert "1 batch of 3 entries" in page
        assert "No more was waiting." in page
        assert "AUTO_MERGE" in page
