from migration.realtime.limits import BURST, Allowance


class TestAllowance:
    def test_gives_a_burst_and_then_one_a_second(self) -> None:
        allowance = Allowance(seen_at=100.0)
        taken = [allowance.take(now=100.0) for _ in range(BURST + 1)]
        assert taken == [True] * BURST + [False]
        assert not allowance.take(now=100.5)
        assert allowance.take(now=101.0)

    def test_never_saves_up_more_than_a_burst(self) -> None:
        allowance = Allowance(seen_at=0.0)
        taken = [allowance.take(now=10_000.0) for _ in range(BURST + 5)]
        assert taken.count(True) == BURST
