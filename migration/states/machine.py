"""What a state machine is: a name, a first state, and a table of moves."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Move:
    """One legal move, with the words that explain it in diagrams and audit lines."""

    source: str
    target: str
    why: str


@dataclass(frozen=True)
class Machine:
    """A table of moves. Asking is pure; the guarded write lives in `lifecycle`."""

    name: str
    initial: str
    table: Mapping[str, Mapping[str, str]]

    def allows(self, source: str, target: str) -> bool:
        """Tell whether `source → target` stands in the table."""
        return target in self.table.get(source, {})

    def sources_of(self, target: str) -> tuple[str, ...]:
        """Return every state from which `target` may be reached in one move."""
        return tuple(source for source, moves in self.table.items() if target in moves)

    def moves(self) -> tuple[Move, ...]:
        """Return all moves, in table order."""
        return tuple(Move(s, t, why) for s, moves in self.table.items() for t, why in moves.items())

    def final_states(self) -> tuple[str, ...]:
        """Return the states nothing leads out of."""
        return tuple(state for state, moves in self.table.items() if not moves)

    def diagram(self) -> str:
        """Draw the machine as a Mermaid state diagram (used by the README)."""
        lines = ["stateDiagram-v2", f"    [*] --> {self.initial}"]
        lines += [f"    {move.source} --> {move.target}: {move.why}" for move in self.moves()]
        lines += [f"    {state} --> [*]" for state in self.final_states()]
        return "\n".join(lines)
