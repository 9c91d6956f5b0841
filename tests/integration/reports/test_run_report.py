"""A report tells what happened in numbers and codes, never in keys or values."""

import json
from uuid import uuid4

import pytest
from django.utils import timezone

from migration.errors import NotFound
from migration.models import Record
from migration.orchestration import rolling_back
from migration.orchestration.verification import verify_run
from migration.reports import run_report
from tests.factories.loads import make_app, make_device, make_owner
from tests.factories.runs import completed_run, loaded_run
from tests.factories.uploads import todos
from tests.factories.workers import Worker


@pytest.fixture
def worker(transactional_db: None) -> Worker:
    """A worker on this thread's connection."""
    return Worker()


class TestAReport:
    def test_tells_the_whole_run(self, worker: Worker) -> None:
        device = make_device(make_owner(make_app(max_entry_bytes=200)))
        run = completed_run(worker, {**todos(5), "note:1": "CANARY" * 50, "note:CANARY": "x"}, device=device)
        report = run_report(owner_id=run.owner_id, run_id=run.id, at=timezone.now())
        assert report["run"]["entries"]["stored"] == 6
        assert report["quarantined"] == [{"code": "entry_too_large", "count": 1}]
        assert [(one["name"], one["entries"]) for one in report["collections"]] == [("note", 2), ("todo", 5)]
        assert {"transferring", "verifying"} <= set(report["durations"]["by_state"])
        assert [line["data"]["to"] for line in report["timeline"] if line["kind"] == "state"] == [
            "verifying",
            "completed",
        ]
        assert "CANARY" not in json.dumps(report)

    def test_counts_errors_by_code_and_lists_rollbacks(self, worker: Worker) -> None:
        run = loaded_run(worker, todos(2))
        Record.objects.filter(key_json='"todo:1"').delete()
        verify_run(run.id, at=timezone.now())
        rolling_back.request_run_rollback(
            owner_id=run.owner_id, run_id=run.id, idempotency_key=uuid4(), actor="t", at=timezone.now()
        )
        report = run_report(owner_id=run.owner_id, run_id=run.id, at=timezone.now())
        assert report["errors_by_code"] == {"verification_mismatch": 1}
        assert [one["state"] for one in report["rollbacks"]] == ["requested"]

    def test_of_anothers_run_is_not_found(self, worker: Worker) -> None:
        run = completed_run(worker, todos(1))
        with pytest.raises(NotFound):
            run_report(owner_id=make_owner(run.app).id, run_id=run.id, at=timezone.now())
