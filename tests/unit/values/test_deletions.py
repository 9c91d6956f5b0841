"""When a device's deletions need a person's word."""

from datetime import UTC, datetime, timedelta

import pytest

from migration.values.deletions import Deletions, judge_deletions

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WINDOW = timedelta(seconds=600)


def judge(seqs: list[int], known: Deletions = Deletions(), *, at: datetime = NOW):  # noqa: B008 - a frozen value
    return judge_deletions(seqs, known=known, limit=3, window=WINDOW, at=at)


class TestDeletions:
    @pytest.mark.parametrize(("count", "taken"), [(1, True), (3, True), (4, False)])
    def test_are_taken_up_to_the_limit_and_not_beyond(self, count: int, taken: bool) -> None:
        assert judge(list(range(1, count + 1))).taken is taken

    def test_that_are_refused_are_not_counted(self) -> None:
        assert judge([1, 2, 3, 4]).now == Deletions()

    def test_one_after_another_count_together(self) -> None:
        known = judge([1, 2]).now
        assert judge([3], known).taken
        refused = judge([3, 4], known)
        assert not refused.taken
        assert "4 keys" in refused.reason

    def test_that_come_again_are_not_counted_twice(self) -> None:
        known = judge([1, 2, 3]).now
        again = judge([1, 2, 3], known)
        assert (again.taken, again.now) == (True, known)

    def test_are_counted_anew_when_the_window_is_over(self) -> None:
        known = judge([1, 2, 3]).now
        assert not judge([4], known, at=NOW + WINDOW - timedelta(seconds=1)).taken
        assert judge([4], known, at=NOW + WINDOW).now == Deletions(1, NOW + WINDOW, 4)
