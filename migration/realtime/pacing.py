"""Which events of one run a socket sends, and when. Pure but for what it remembers of the last one."""

from dataclasses import dataclass, field
from typing import Any

from migration.events import Message
from migration.realtime.naming import name_of


@dataclass(frozen=True, slots=True)
class Event:
    """One message about one run; `run` is its snapshot as JSON text."""

    name: str
    number: int
    state: str
    run: str

    @classmethod
    def from_layer(cls, message: dict[str, Any]) -> "Event":
        """Read what `migration.progress` published."""
        return cls(message["name"], message["number"], message["state"], message["run"])

    def frame(self) -> str:
        """Write the event as the socket sends it."""
        return f'{{"type":"{self.name}","number":{self.number},"run":{self.run}}}'


@dataclass
class Pacer:
    """One run at one socket: numbers rise, nothing goes out twice, progress keeps its distance, the last goes out."""

    pause: float
    number: int = -1
    state: str | None = None
    sent_at: float = field(default=float("-inf"))
    waiting: Event | None = None

    def offer(self, event: Event, *, now: float) -> Event | None:
        """Take an event; return it, under its right name, if it is to be sent now. It may have to wait (`wait`)."""
        if event.number <= self.number or (self.waiting and event.number <= self.waiting.number):
            return None
        name = name_of(said=event.name, state_before=self.state, state_now=event.state)
        named = Event(name, event.number, event.state, event.run)
        if name == Message.PROGRESS and now < self.sent_at + self.pause:
            self.waiting = named
            return None
        return self._sent(named, now)

    def due(self, *, now: float) -> Event | None:
        """Return the event that waited, when its time has come."""
        if self.waiting is None or now < self.sent_at + self.pause:
            return None
        return self._sent(self.waiting, now)

    def wait(self, *, now: float) -> float | None:
        """Return the seconds until the waiting event is due; None when nothing waits."""
        return None if self.waiting is None else max(0.0, self.sent_at + self.pause - now)

    def _sent(self, event: Event, now: float) -> Event:
        self.number, self.state, self.sent_at, self.waiting = event.number, event.state, now, None
        return event
