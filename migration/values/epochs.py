"""The epoch: the pair (app, owner), written `app.owner`; each part only rises."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Epoch:
    """One epoch. Older ones are refused."""

    app: int
    owner: int

    def __str__(self) -> str:
        return f"{self.app}.{self.owner}"

    @classmethod
    def parse(cls, text: str) -> "Epoch":
        """Read `app.owner`. Raises ValueError."""
        app, owner = text.split(".")
        return cls(int(app), int(owner))

    def is_stale(self, current: "Epoch") -> bool:
        """Tell whether `current` has risen above this one in any part."""
        return self.app < current.app or self.owner < current.owner
