"""Time spent in each state adds up to the time there was."""

from datetime import UTC, datetime, timedelta

from migration.reports import durations_by_state

START = datetime(2026, 1, 1, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


class TestDurations:
    def test_add_up_over_states_entered_more_than_once(self) -> None:
        moves = [
            (after(2), "transferring"),
            (after(5), "verifying"),
            (after(6), "transferring"),
            (after(10), "verifying"),
        ]
        spent = durations_by_state(moves, first="planned", since=START, until=after(11.5))
        assert spent == {"planned": 2.0, "transferring": 7.0, "verifying": 2.5}
        assert sum(spent.values()) == 11.5

    def test_never_run_backwards(self) -> None:
        assert durations_by_state([(after(-5), "a")], first="planned", since=START, until=after(-9)) == {
            "planned": 0.0,
            "a": 0.0,
        }
