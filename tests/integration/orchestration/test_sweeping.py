"""The sweeper brings work up again whatever became of the bell for it."""

import pytest
from django.utils import timezone

from migration import dispatch
from migration.dispatch import bell
from migration.orchestration import MigrationOrchestrator
from tests.factories.loads import make_run, put_chunk


@pytest.fixture
def queue(transactional_db: None) -> object:
    found = bell._queue()
    found.empty()
    dispatch.answered()
    yield found
    found.empty()
    dispatch.answered()


def test_a_bell_lost_with_the_worker_that_took_it_is_rung_by_the_next_sweep(queue: object) -> None:
    put_chunk(make_run(), [("a", "1")], seq=1)
    dispatch.ring(after_commit=False)
    assert queue.count == 1
    queue.empty()  # a worker took it and died before it could answer: the flag stays
    dispatch.ring(after_commit=False)
    assert queue.count == 0
    assert MigrationOrchestrator().sweep(at=timezone.now())
    assert queue.count == 1


def test_bells_do_not_pile_up_while_workers_are_busy(queue: object) -> None:
    put_chunk(make_run(), [("a", "1")], seq=1)
    for _ in range(3):
        MigrationOrchestrator().sweep(at=timezone.now())
        dispatch.ring(after_commit=False)
    assert queue.count == 1
