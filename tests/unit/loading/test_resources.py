"""Whether there is room: the strictest cause wins, names itself, and asks for a wait that fits how bad it is."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.loading.monitor import Readings
from migration.loading.resources import Limits, Priority, ResourceManager, gives_way, jittered

LIMITS = Limits(
    memory_share=0.9,
    process_bytes=150_000_000,
    cpu_share=0.9,
    disk_free_bytes=1_000_000,
    connections_share=0.8,
    commit_seconds=1.0,
    lag_seconds=30.0,
    queue_seconds=60.0,
)
TIGHT = {
    "memory_of_machine": Readings(memory_share=0.99),
    "memory_of_process": Readings(process_bytes=200_000_000),
    "processor": Readings(cpu_share=1.0),
    "disk": Readings(disk_free_bytes=10),
    "connections": Readings(connections_share=0.95),
    "commits": Readings(commit_seconds=3.0),
    "replica": Readings(lag_seconds=300.0),
    "queue": Readings(queue_seconds=90.0),
}


@pytest.mark.parametrize("cause", list(TIGHT))
def test_each_cause_throttles_by_itself_and_says_so(cause: str) -> None:
    verdict = ResourceManager(LIMITS).judge(TIGHT[cause])

    assert (verdict.cause, verdict.throttles) == (cause, True)
    assert verdict.wait_seconds >= 2
    assert any(character.isdigit() for character in verdict.reason)


@pytest.mark.parametrize("cause", list(TIGHT))
def test_a_limit_of_nothing_is_no_limit(cause: str) -> None:
    assert not ResourceManager(Limits()).judge(TIGHT[cause]).hints


def test_what_cannot_be_read_throttles_nobody() -> None:
    assert not ResourceManager(LIMITS).judge(Readings(lag_seconds=None, disk_free_bytes=None)).hints


def test_the_strictest_wins() -> None:
    verdict = ResourceManager(LIMITS).judge(Readings(queue_seconds=90.0, commit_seconds=3.0, cpu_share=0.95))

    assert verdict.cause == "commits"


def test_shortly_before_a_limit_it_hints_and_refuses_nothing() -> None:
    verdict = ResourceManager(LIMITS).judge(Readings(queue_seconds=54.0))

    assert (verdict.hints, verdict.throttles) == (True, False)


class TestPriorities:
    FULL, NEARLY, EMPTY = (ResourceManager(LIMITS).judge(Readings(queue_seconds=one)) for one in (90.0, 54.0, 0.0))

    @pytest.mark.parametrize(
        ("priority", "waits"),
        [
            (Priority.LOW, (True, True, False)),
            (Priority.NORMAL, (True, False, False)),
            (Priority.HIGH, (False, False, False)),
        ],
    )
    def test_say_from_when_on_work_gives_way(self, priority: Priority, waits: tuple[bool, ...]) -> None:
        assert tuple(gives_way(one, priority) for one in (self.FULL, self.NEARLY, self.EMPTY)) == waits

    @pytest.mark.parametrize("cause", ["memory_of_machine", "memory_of_process", "disk"])
    def test_the_highest_waits_for_what_would_end_it(self, cause: str) -> None:
        assert gives_way(ResourceManager(LIMITS).judge(TIGHT[cause]), Priority.HIGH)


@given(queue=st.floats(0, 10_000), more=st.floats(0, 10_000))
def test_a_longer_queue_never_asks_for_a_shorter_wait(queue: float, more: float) -> None:
    manager = ResourceManager(LIMITS)

    first, second = (manager.judge(Readings(queue_seconds=one)) for one in (queue, queue + more))

    assert first.wait_seconds <= second.wait_seconds <= 60


@given(seconds=st.floats(0, 600), seed=st.integers())
def test_jitter_keeps_near_what_was_meant(seconds: float, seed: int) -> None:
    told = jittered(seconds, Random(seed))

    assert 1 <= told <= 75
    assert told <= max(1, round(seconds * 1.25))


def test_who_was_refused_together_does_not_come_back_together() -> None:
    random = Random(7)

    assert len({jittered(30, random) for _ in range(200)}) > 10
