"""Kinds of rules an entry must pass. Each is an object with one verb, so that later kinds plug in beside them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from migration.values.forms import LITERAL, form_of
from migration.values.lines import Line, Lines
from migration.values.refusals import Refusal

_KINDS = {"{": "object", "[": "array", '"': "string", "t": "boolean", "f": "boolean", "n": "null"}
_WIDER = {"json": frozenset({*_KINDS.values(), "number"}), "text": None, "any": None}


class Rule(Protocol):
    """A rule. `may_refuse` looks at a whole span cheaply; only if it says so is each entry judged."""

    def may_refuse(self, lines: Lines) -> bool:
        """Tell whether any of these lines could be refused."""

    def judge(self, ordinal: int, line: Line, collection: str) -> Refusal | None:
        """Return why this entry is refused, or None."""


def _holds_a_longer(lines: Lines, limit: int) -> bool:
    return lines.size > limit and max(map(len, lines.raws)) > limit


@dataclass(frozen=True, slots=True)
class EntryTooLarge:
    """The canonical line may be `limit` bytes long."""

    limit: int

    def may_refuse(self, lines: Lines) -> bool:
        """Look for one long line."""
        return _holds_a_longer(lines, self.limit)

    def judge(self, ordinal: int, line: Line, collection: str) -> Refusal | None:
        """Refuse a line longer than the limit."""
        if len(line.raw) <= self.limit:
            return None
        return Refusal(
            ordinal, "entry_too_large", f"The entry has {len(line.raw)} bytes; {self.limit} are allowed.", "value"
        )


@dataclass(frozen=True, slots=True)
class KeyTooLarge:
    """The key may be `limit` UTF-16 code units long; a localStorage cannot hold a longer one."""

    limit: int

    def may_refuse(self, lines: Lines) -> bool:
        """Look for one long line: a key is never longer in code units than its line in bytes."""
        return _holds_a_longer(lines, self.limit)

    def judge(self, ordinal: int, line: Line, collection: str) -> Refusal | None:
        """Refuse a key of too many code units."""
        if len(line.raw) <= self.limit:
            return None
        units = len(line.key.encode("utf-16-le", "surrogatepass")) // 2
        if units <= self.limit:
            return None
        return Refusal(ordinal, "key_too_large", f"The key has {units} code units; {self.limit} are allowed.", "key")


@dataclass(frozen=True, slots=True)
class TypeMismatch:
    """Collections that declare a type hold values of that type.

    `declared` maps a collection to a JSON kind, `json` (any of them), `text` (anything), or a name `kind_of`
    gives. Without `kind_of` the JSON kinds are all there is.
    """

    declared: Mapping[str, str]
    kind_of: Callable[[str], str] | None = None

    @classmethod
    def of_app(
        cls, collections: Sequence[Mapping[str, Any]], kind_of: Callable[[str], str] | None = None
    ) -> "TypeMismatch":
        """Build the rule from an app's collections (`"type"` is optional in each)."""
        return cls({str(one["name"]): str(one["type"]) for one in collections if one.get("type")}, kind_of)

    def may_refuse(self, lines: Lines) -> bool:
        """Only an app that declares types has anything to judge."""
        return bool(lines) and bool(self.declared)

    def judge(self, ordinal: int, line: Line, collection: str) -> Refusal | None:
        """Refuse a value of another type than its collection declares."""
        wanted = self.declared.get(collection)
        if wanted is None or line.value is None:
            return None
        allowed = _WIDER.get(wanted, frozenset({wanted}))
        if allowed is None:
            return None
        kinds = self._kinds(line.value)
        if kinds & allowed:
            return None
        return Refusal(
            ordinal,
            "type_mismatch",
            f"The collection {collection} holds {wanted}; this is {' / '.join(sorted(kinds))}.",
            "value",
        )

    def _kinds(self, value: str) -> set[str]:
        kinds = {_json_kind(value)}
        return kinds if self.kind_of is None else kinds | {self.kind_of(value)}


def _json_kind(value: str) -> str:
    """Tell the kind by the first character of what is JSON by the same judgement that decides its form."""
    if form_of(value).form == LITERAL:
        return "text"
    return _KINDS.get(value.lstrip(" \t\n\r")[0], "number")
