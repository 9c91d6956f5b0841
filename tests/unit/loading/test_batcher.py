"""The batch grows and shrinks by what was measured, stays within its bounds, and says why."""

from hypothesis import given
from hypothesis import strategies as st

from migration.loading import AdaptiveBatcher


def starting(**given: float) -> AdaptiveBatcher:
    options = {"target_seconds": 2.0, "least": 10, "start": 100, "most": 10_000, "memory_bytes": 1_000_000, **given}
    return AdaptiveBatcher.starting(**options)


class TestAdaptiveBatcher:
    def test_grows_fourfold_at_most_while_batches_are_fast(self) -> None:
        grown = starting().measured(records=100, seconds=0.01)
        assert grown.size.records == 400
        assert grown.size.reason == "larger: 100 records took 0.01 s, target 2 s"

    def test_shrinks_to_what_would_have_taken_the_target(self) -> None:
        shrunk = starting(start=1000).measured(records=1000, seconds=4.0)
        assert (shrunk.size.records, shrunk.size.reason.split(":")[0]) == (500, "smaller")

    def test_stays_near_the_target(self) -> None:
        assert starting().measured(records=100, seconds=1.8).size.records == 100

    def test_learns_nothing_from_the_rest_of_a_file(self) -> None:
        assert starting(start=1000).measured(records=3, seconds=0.001).size.records == 1000

    def test_is_held_to_the_memory_there_is(self) -> None:
        held = starting(start=5000).measured(records=1000, seconds=0.1, bytes_held=10_000_000)
        assert (held.size.records, "a record takes 10000 bytes" in held.size.reason) == (100, True)

    def test_says_that_more_is_not_allowed(self) -> None:
        assert "more is not allowed" in starting(start=9000).measured(records=9000, seconds=0.1).size.reason

    @given(
        st.lists(st.tuples(st.integers(0, 20_000), st.floats(0, 1e6), st.integers(0, 10**12)), max_size=30),
        st.integers(-5, 100_000),
    )
    def test_never_leaves_its_bounds(self, measured: list[tuple[int, float, int]], start: int) -> None:
        batcher = starting(start=start)
        for records, seconds, held in measured:
            batcher = batcher.measured(records=records, seconds=seconds, bytes_held=held)
            assert 10 <= batcher.size.records <= 10_000
            assert batcher.size.reason
