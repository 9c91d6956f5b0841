"""What an owner's records must be: for each key who said what, over what, as the text of semantics 8 has it.

A way back is a step to something that was said before; nothing that was said is ever unsaid.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4


@dataclass(frozen=True)
class Said:
    """A value somebody gave a key (None: deleted, or never there), by a run or not, and what stood there before."""

    value: str | None
    run: UUID | None = None
    over: "Said | None" = None

    def before(self, run: UUID) -> "Said":
        """Return what stood there before the run came."""
        said = self
        while said.run == run:
            said = said.over or NOTHING
        return said


NOTHING = Said(None)


@dataclass(frozen=True)
class Held:
    """What a key holds, since which revision, and the way back that put it there."""

    said: Said
    revision: int
    way: UUID | None = None


@dataclass(frozen=True)
class Went:
    """What a way back did, in keys."""

    from_revision: int
    moved: frozenset[str]
    deleted: int
    journaled: int
    kept: int


@dataclass
class Lineage:
    """One owner."""

    revision: int = 0
    held: dict[str, Held] = field(default_factory=dict)
    past: dict[int, dict[str, Held]] = field(default_factory=lambda: {0: {}})
    lost: list[tuple[str, str | None]] = field(default_factory=list)
    """What ways back have set aside, restorable."""
    runs: dict[UUID, set[str]] = field(default_factory=dict)
    """The keys each run wrote."""

    def copy(self) -> "Lineage":
        """Return one that can be tried out."""
        return Lineage(self.revision, dict(self.held), dict(self.past), list(self.lost), dict(self.runs))

    def value(self, key: str) -> str | None:
        """Return what a key holds."""
        return self._said(self.held, key).value

    def live(self, revision: int | None = None) -> dict[str, str]:
        """Return what is there, now or at a revision a step ended with."""
        held = self.held if revision is None else self.past[revision]
        return {key: one.said.value for key, one in held.items() if one.said.value is not None}

    def write(self, key: str, value: str | None, *, run: UUID | None = None) -> None:
        """Somebody writes; the same again is nothing."""
        over = self._said(self.held, key)
        if over.value == value:
            return
        if run is not None:
            self.runs.setdefault(run, set()).add(key)
        self._put(key, Held(Said(value, run, over), self.revision + 1))
        self.past[self.revision] = dict(self.held)

    def go(self, revision: int, way: UUID) -> Went:
        """All that was written since goes back; what people wrote of it is set aside."""
        then = self.past[revision]
        goals = {key: self._said(then, key) for key, one in self.held.items() if one.revision > revision}
        return self._step(goals, way, journals=True)

    def leave_run(self, run: UUID, way: UUID) -> Went:
        """What a run said goes, where it still stands."""
        goals = {key: one.said.before(run) for key, one in self.held.items() if one.said.run == run}
        return self._step(goals, way, wrote=self.runs.get(run, set()))

    def undo_run(self, undone: Went, undone_way: UUID, way: UUID) -> Went:
        """What leaving a run (or undoing that) moved stands again as it stood, where nobody wrote since."""
        then = self.past[undone.from_revision]
        goals = {key: self._said(then, key) for key, one in self.held.items() if one.way == undone_way}
        return self._step(goals, way, wrote=undone.moved)

    def _step(
        self,
        goals: Mapping[str, Said],
        way: UUID,
        *,
        journals: bool = False,
        wrote: "frozenset[str] | set[str]" = frozenset(),
    ) -> Went:
        began, set_aside = self.revision, len(self.lost)
        kept = sum(key in wrote and key not in goals and one.way is None for key, one in self.held.items())
        moved = [key for key, said in goals.items() if said.value != self.held[key].said.value]
        for key in sorted(moved, key=lambda key: self.held[key].revision):
            if journals and self.held[key].way is None:
                self.lost.append((key, self.value(key)))
            self._put(key, Held(goals[key], self.revision + 1, way))
        self.past[self.revision] = dict(self.held)
        deleted = sum(goals[key].value is None for key in moved)
        return Went(began, frozenset(moved), deleted, len(self.lost) - set_aside, kept)

    def _put(self, key: str, held: Held) -> None:
        self.held[key] = held
        self.revision = held.revision

    def _said(self, held: Mapping[str, Held], key: str) -> Said:
        return held[key].said if key in held else NOTHING


@dataclass
class Order:
    """What was asked of the whole app: where each owner has to go, and how far that is."""

    id: UUID
    goals: dict[UUID, int]
    undoes: "Order | None" = None
    point: Any = None
    key: UUID = field(default_factory=uuid4)
    state: str = "at_work"
    done: dict[UUID, Went] = field(default_factory=dict)
    failed: set[UUID] = field(default_factory=set)
    doomed: set[UUID] = field(default_factory=set)


@dataclass(frozen=True)
class Way:
    """One owner's way back that is done."""

    id: UUID
    owner: UUID
    went: Went
    run: UUID | None = None
