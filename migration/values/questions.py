"""Statements taken apart once: what is asked again and again should not be parsed here each time."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

_GIVEN = re.compile(r"%(?:\((\w+)\))?s")


@dataclass(slots=True)
class Statement:
    """A statement with parameters `%(name)s` or `%s`; `text` has them numbered, as Postgres itself does."""

    written: str
    text: str = field(init=False)
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.names = tuple(dict.fromkeys(filter(None, _GIVEN.findall(self.written))))
        numbers = {name: f"${place}" for place, name in enumerate(self.names, start=1)}
        nameless = count(1)
        self.text = _GIVEN.sub(lambda found: numbers.get(found[1]) or f"${next(nameless)}", self.written)
        self.text = self.text.replace("%%", "%")

    def of(self, given: Mapping[str, Any] | Sequence[Any]) -> "Question":
        """Return the question this statement asks with these parameters, by name or in their order."""
        if isinstance(given, Mapping):
            return Question(self.text, [given[name] for name in self.names])
        return Question(self.text, list(given))


@dataclass(frozen=True, slots=True)
class Question:
    """One statement with its parameters in their order."""

    text: str
    given: list[Any]
