"""CircuitBreaker: how long to leave something alone that keeps failing. Pure; each event returns another one."""

from dataclasses import dataclass, replace

from migration.errors import IllegalMove
from migration.states import BREAKER, BreakerState


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """Open after `threshold` failures in a row; then one try each `wait` seconds, twice as long after each in vain."""

    threshold: int = 3
    first_wait: float = 1.0
    longest_wait: float = 30.0
    state: BreakerState = BreakerState.CLOSED
    failures: int = 0
    opened_at: float = 0.0

    def failed(self, *, now: float) -> "CircuitBreaker":
        """Return it after a failure at `now`, seconds of any clock that does not go back."""
        counted = replace(self, failures=self.failures + 1, opened_at=now)
        if self.state == BreakerState.OPEN or counted.failures < self.threshold:
            return counted
        return _moved(counted, BreakerState.OPEN)

    def succeeded(self) -> "CircuitBreaker":
        """Return it after a success."""
        fresh = replace(self, failures=0)
        if self.state == BreakerState.OPEN:
            fresh = _moved(fresh, BreakerState.HALF_OPEN)
        return fresh if fresh.state == BreakerState.CLOSED else _moved(fresh, BreakerState.CLOSED)

    def asked(self, *, now: float) -> "CircuitBreaker":
        """Return it as it is at `now`: half open once it has waited long enough."""
        if self.state != BreakerState.OPEN or self.left(now=now):
            return self
        return _moved(self, BreakerState.HALF_OPEN)

    def left(self, *, now: float) -> float:
        """Return for how many seconds more nothing should be tried; 0.0: now."""
        return max(0.0, self.opened_at + self.wait - now) if self.failures else 0.0

    @property
    def wait(self) -> float:
        """Seconds between the last failure and the next try."""
        return min(self.longest_wait, self.first_wait * 2.0 ** min(60, max(0, self.failures - self.threshold)))


def _moved(breaker: CircuitBreaker, to: BreakerState) -> CircuitBreaker:
    if not BREAKER.allows(breaker.state, to):
        raise IllegalMove(f"A breaker that is {breaker.state} cannot become {to}.", state=breaker.state)
    return replace(breaker, state=to)
