from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from migration.progress.pace import STANDING, pace_of

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
COUNTS = st.integers(0, 10**9)


class TestPace:
    def test_is_taken_over_the_window(self) -> None:
        pace = pace_of(done=600, total=1000, since=NOON, done_then=100, at=NOON + timedelta(seconds=5))
        assert pace.entries_per_second == 100.0
        assert pace.eta_seconds == 4.0

    def test_stands_before_anything_has_come(self) -> None:
        assert pace_of(done=0, total=1000, since=None, done_then=0, at=NOON) == STANDING

    def test_promises_nothing_out_of_a_first_blink(self) -> None:
        pace = pace_of(done=40, total=80, since=NOON, done_then=0, at=NOON + timedelta(milliseconds=2))
        assert pace.entries_per_second == 40.0

    def test_sinks_while_nothing_comes(self) -> None:
        paces = [
            pace_of(done=100, total=200, since=NOON, done_then=0, at=NOON + timedelta(seconds=seconds))
            for seconds in (5, 50, 500)
        ]
        assert [pace.entries_per_second for pace in paces] == [20.0, 2.0, 0.2]

    @given(COUNTS, COUNTS, COUNTS, st.floats(-100, 10**6))
    def test_is_never_negative(self, done: int, total: int, done_then: int, seconds: float) -> None:
        pace = pace_of(done=done, total=total, since=NOON, done_then=done_then, at=NOON + timedelta(seconds=seconds))
        assert pace.entries_per_second >= 0
        assert pace.eta_seconds is None or pace.eta_seconds >= 0
