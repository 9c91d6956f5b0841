"""Statements taken apart once: what is asked again and again should not be parsed here each time."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_NAMED = re.compile(r"%\((\w+)\)s")


@dataclass(slots=True)
class Statement:
    """A statement with parameters `%(name)s`; `text` has them numbered, as Postgres itself does."""

    named: str
    text: str = field(init=False)
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.names = tuple(dict.fromkeys(_NAMED.findall(self.named)))
        numbers = {name: f"${place}" for place, name in enumerate(self.names, start=1)}
        self.text = _NAMED.sub(lambda found: numbers[found[1]], self.named).replace("%%", "%")

    def of(self, given: Mapping[str, Any]) -> "Question":
        """Return the question this statement asks with these parameters."""
        return Question(self.text, [given[name] for name in self.names])


@dataclass(frozen=True, slots=True)
class Question:
    """One statement with its parameters in their order."""

    text: str
    given: list[Any]
