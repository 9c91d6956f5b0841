"""What a worker logs names the worker and the runs it was at, and no word of what users stored."""

import logging

import pytest

from migration.jobs.work import work
from migration.orchestration import pipeline
from tests.factories.runs import sealed_run
from tests.factories.workers import Worker

SECRET = "nobody else may read this"


def test_a_failed_batch_is_logged_with_its_runs(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = sealed_run({"todo:1": SECRET})
    fill, calls = pipeline._fill, []

    def fail_once(*given: object) -> None:
        calls.append(given)
        if len(calls) == 1:
            raise ValueError(SECRET)
        fill(*given)

    monkeypatch.setattr(pipeline, "_fill", fail_once)
    with caplog.at_level(logging.INFO):
        work()
    said = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    [line] = [one for one in said if one["event"] == "batch_failed"]
    assert line["error"] == "ValueError"
    assert line["runs"] == [str(run.id)]
    assert isinstance(line["worker"], int)
    assert SECRET not in caplog.text
