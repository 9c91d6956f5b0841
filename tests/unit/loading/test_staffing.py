"""How many workers there should be: more while something waits and cores are free, fewer when not."""

from hypothesis import given
from hypothesis import strategies as st

from migration.loading.staffing import Load, staff

BOUNDS = {"least": 1, "most": 4, "cpu_threshold": 0.8}


def test_one_more_while_something_waits_and_cores_are_free() -> None:
    found = staff(Load(queue_seconds=5, idle_seconds=0, cpu_share=0.3), workers=2, **BOUNDS)

    assert (found.workers, found.reason) == (3, "the oldest chunk has waited 5.0 s")


def test_none_more_and_one_less_where_the_cores_are_busy() -> None:
    found = staff(Load(queue_seconds=5, idle_seconds=0, cpu_share=0.95), workers=2, **BOUNDS)

    assert (found.workers, found.reason) == (1, "95 % of all cores are at work, 80 at most")


def test_one_less_when_nothing_has_waited_for_long() -> None:
    assert staff(Load(queue_seconds=0, idle_seconds=90, cpu_share=0.1), workers=3, **BOUNDS).workers == 2


def test_as_many_as_before_while_what_waits_is_soon_taken() -> None:
    assert staff(Load(queue_seconds=1, idle_seconds=0, cpu_share=0.1), workers=3, **BOUNDS).workers == 3


@given(
    queue=st.floats(0, 1e6), idle=st.floats(0, 1e6), cpu=st.floats(0, 1), workers=st.integers(0, 20),
    least=st.integers(1, 5), more=st.integers(0, 5),
)  # fmt: skip
def test_never_beyond_the_bounds_and_one_step_at_a_time(
    queue: float, idle: float, cpu: float, workers: int, least: int, more: int
) -> None:
    found = staff(Load(queue, idle, cpu), workers=workers, least=least, most=least + more, cpu_threshold=0.8)

    assert least <= found.workers <= least + more
    assert found.reason
    if least <= workers <= least + more:
        assert abs(found.workers - workers) <= 1
