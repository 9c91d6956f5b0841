"""A breaker opens after failures in a row, tries once after its wait, and closes with the first success."""

from hypothesis import given
from hypothesis import strategies as st

from migration.loading import CircuitBreaker
from migration.states import BreakerState


def test_opens_after_failures_in_a_row_and_not_before() -> None:
    breaker = CircuitBreaker(threshold=2)

    assert breaker.failed(now=0).state == BreakerState.CLOSED
    assert breaker.failed(now=0).succeeded().failed(now=1).state == BreakerState.CLOSED
    assert breaker.failed(now=0).failed(now=1).state == BreakerState.OPEN


def test_lets_one_try_after_its_wait_which_grows_with_every_failure() -> None:
    opened = CircuitBreaker(threshold=1, first_wait=2).failed(now=0)

    assert opened.asked(now=1.9).state == BreakerState.OPEN
    tried = opened.asked(now=2.0)
    assert tried.state == BreakerState.HALF_OPEN
    again = tried.failed(now=2.0)
    assert (again.state, again.wait) == (BreakerState.OPEN, 4)
    assert again.asked(now=6.0).succeeded().state == BreakerState.CLOSED


@given(st.lists(st.sampled_from(["failed", "succeeded", "asked"]), max_size=80))
def test_waits_never_longer_than_allowed_whatever_happens(events: list[str]) -> None:
    breaker, now = CircuitBreaker(), 0.0
    for event in events:
        now += 1
        breaker = breaker.succeeded() if event == "succeeded" else getattr(breaker, event)(now=now)
        assert breaker.left(now=now) <= breaker.longest_wait
        assert (breaker.failures == 0) <= (breaker.state == BreakerState.CLOSED)
