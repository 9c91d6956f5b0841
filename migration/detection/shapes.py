"""Shapes: the types and members values have, counted; a JSON Schema is written from one.

A shape holds no value. Names of members are the only words of a user in it, so they are bounded: what has many
members, or long names, is taken for a map, whose names are data and not kept.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

MOST_MEMBERS: Final = 64
"""Members beyond this make an object a map."""
LONGEST_NAME: Final = 64
DEEPEST: Final = 12
"""Below this nothing is looked at."""
EVERYTHING: Final = "*"
"""Stands in a path for the items of an array and for the members of a map."""

Path = tuple[str, ...]


@dataclass(slots=True)
class Shape:
    """How often each type was seen here; what objects have by name, what arrays hold, what maps hold (`rest`)."""

    types: Counter[str] = field(default_factory=Counter)
    members: dict[str, "Shape"] = field(default_factory=dict)
    items: "Shape | None" = None
    rest: "Shape | None" = None

    @property
    def seen(self) -> int:
        """How many values were seen here."""
        return self.types.total()

    def add(self, value: Any, *, depth: int = 0) -> None:
        """Count one value."""
        kind = kind_of(value)
        self.types[kind] += 1
        if depth >= DEEPEST:
            return
        if kind == "object":
            self._add_members(value, depth)
        elif kind == "array" and value:
            self.items = self.items or Shape()
            for item in value:
                self.items.add(item, depth=depth + 1)

    def merge(self, other: "Shape") -> None:
        """Count in what another shape has counted."""
        self.types.update(other.types)
        if other.items is not None:
            self.items = self.items or Shape()
            self.items.merge(other.items)
        if other.rest is not None:
            self._become_a_map().merge(other.rest)
        for name, member in other.members.items():
            self._member(name).merge(member)

    def _add_members(self, value: Mapping[str, Any], depth: int) -> None:
        if len(value) > MOST_MEMBERS:
            self._become_a_map()
        for name, member in value.items():
            self._member(name).add(member, depth=depth + 1)

    def _member(self, name: str) -> "Shape":
        if self.rest is None and name not in self.members:
            if len(self.members) < MOST_MEMBERS and len(name) <= LONGEST_NAME and _is_storable(name):
                self.members[name] = Shape()
            else:
                self._become_a_map()
        return self.members[name] if self.rest is None else self.rest

    def _become_a_map(self) -> "Shape":
        if self.rest is None:
            self.rest = Shape()
            for member in self.members.values():
                self.rest.merge(member)
            self.members.clear()
        return self.rest

    def at(self, path: Iterable[str]) -> "Shape | None":
        """Return the shape at a path, None where nothing was seen."""
        here: Shape | None = self
        for step in path:
            if here is None:
                return None
            here = (here.rest or here.items) if step == EVERYTHING else here.members.get(step)
        return here

    def as_data(self) -> dict[str, Any]:
        """Return the shape as JSON can hold it."""
        data: dict[str, Any] = {"types": dict(self.types)}
        if self.members:
            data["members"] = {name: member.as_data() for name, member in self.members.items()}
        if self.items is not None:
            data["items"] = self.items.as_data()
        if self.rest is not None:
            data["rest"] = self.rest.as_data()
        return data

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Shape":
        """Read what `as_data` returned."""
        return cls(
            Counter(data.get("types", {})),
            {name: cls.from_data(member) for name, member in data.get("members", {}).items()},
            cls.from_data(data["items"]) if "items" in data else None,
            cls.from_data(data["rest"]) if "rest" in data else None,
        )


def shape_of(value: Any) -> Shape:
    """Return the shape of one value."""
    shape = Shape()
    shape.add(value)
    return shape


def kind_of(value: Any) -> str:
    """Return JSON Schema's name of a value's type, `integer` for whole numbers."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    names: dict[type, str] = {int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names[type(value)]


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a value is not of the known shape. `kind`: `new_member`, `changed_type` or `missing_member`."""

    kind: str
    path: Path
    detail: str
    types: tuple[str, ...] = ()
    """Of a changed type: the types that were not known."""


def differences(known: Shape, seen: Shape, path: Path = ()) -> Iterator[Difference]:
    """Yield where `seen` (one value's shape) does not fit `known`, outermost first; nothing below a difference."""
    if not known.seen:
        return
    foreign = sorted(kind for kind in seen.types if not _holds(known, kind))
    if foreign:
        was = " / ".join(sorted(known.types))
        yield Difference("changed_type", path, f"{' / '.join(foreign)}, was {was}", tuple(foreign))
        return
    yield from _strange_members(known, seen, path)
    yield from _missing(known, seen, path)
    for below, ours in ((seen.items, known.items), (seen.rest, known.rest)):
        if below is not None and ours is not None:
            yield from differences(ours, below, (*path, EVERYTHING))


def _strange_members(known: Shape, seen: Shape, path: Path) -> Iterator[Difference]:
    for name, member in seen.members.items():
        if known.rest is not None:
            yield from differences(known.rest, member, (*path, EVERYTHING))
        elif name in known.members:
            yield from differences(known.members[name], member, (*path, name))
        else:
            yield Difference("new_member", (*path, name), " / ".join(sorted(member.types)))
    if seen.rest is not None and known.rest is None:
        yield Difference("new_member", (*path, EVERYTHING), "more members than an object has")


def _missing(known: Shape, seen: Shape, path: Path) -> Iterator[Difference]:
    if seen.types["object"] and known.rest is None and seen.rest is None:
        for name in _required(known):
            if name not in seen.members:
                yield Difference("missing_member", (*path, name), "was in every entry")


def _holds(known: Shape, kind: str) -> bool:
    return known.types[kind] > 0 or (kind == "integer" and known.types["number"] > 0)


def _required(shape: Shape) -> list[str]:
    return sorted(name for name, member in shape.members.items() if member.seen == shape.types["object"])


def schema_of(shape: Shape) -> dict[str, Any]:
    """Write the JSON Schema (2020-12) that every counted value fulfils.

    Members nobody has seen stay allowed: an inferred schema describes, and whoever pins it decides.
    """
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_schema(shape)}


def _schema(shape: Shape) -> dict[str, Any]:
    kinds = sorted(kind for kind, count in shape.types.items() if count)
    if "number" in kinds and "integer" in kinds:
        kinds.remove("integer")
    schema: dict[str, Any] = {}
    if kinds:
        schema["type"] = kinds[0] if len(kinds) == 1 else kinds
    if shape.members:
        schema["properties"] = {name: _schema(member) for name, member in sorted(shape.members.items())}
        required = _required(shape)
        if required:
            schema["required"] = required
    if shape.items is not None:
        schema["items"] = _schema(shape.items)
    if shape.rest is not None:
        schema["additionalProperties"] = _schema(shape.rest)
    return schema


def pointer(path: Path) -> str:
    """Write a path as a JSON pointer."""
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in path)


def path_of(text: str) -> Path:
    """Read a JSON pointer `pointer` wrote."""
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in text.split("/")[1:])


def _is_storable(name: str) -> bool:
    """Postgres' jsonb holds neither NUL nor lone surrogates."""
    return "\x00" not in name and not any("\ud800" <= character <= "\udfff" for character in name)
