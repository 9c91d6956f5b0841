"""What clients may send: nothing but a ping now and then. Pure but for the numbers it remembers."""

from dataclasses import dataclass

LONGEST_FRAME = 128
"""Characters; a ping has four."""
BURST = 10
PER_SECOND = 1.0


@dataclass
class Allowance:
    """A bucket of frames that fills with time."""

    left: float = BURST
    seen_at: float = 0.0

    def take(self, *, now: float) -> bool:
        """Take one frame out at `now` (seconds of a monotonic clock); False when the bucket is empty."""
        self.left = min(BURST, self.left + (now - self.seen_at) * PER_SECOND)
        self.seen_at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True
