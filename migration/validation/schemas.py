"""JSON Schemas an operator wrote: taken in bounds, compiled once, asked for each entry of their collection.

A schema is input like any other: what it may cost is settled before it is compiled. References lead only within it
and never in a circle, patterns run on an engine without backtracking, `format` is a note and not judged.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from migration.config import setting
from migration.errors import SchemaInvalid
from migration.values.judged import encodable, judged
from migration.values.lines import Line, Lines
from migration.values.refusals import Refusal

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator, ValidationError

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
DEEPEST: Final = 64
MOST_NODES: Final = 20_000
"""Parts a schema may have once every reference is replaced by what it names."""
REGEX_BYTES: Final = 1_048_576
LONGEST_PATH: Final = 500

_ELSEWHERE = ("$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor", "$vocabulary")


@dataclass(frozen=True, slots=True)
class Misfit:
    """The first fault found: where in the value, and what the schema asks for there. Quotes nothing of the value."""

    path: str
    wants: str


@dataclass(frozen=True, slots=True)
class PinnedSchema:
    """A compiled schema and the version it was pinned as."""

    version: int
    validator: "Draft202012Validator"

    def misfit(self, value: str) -> Misfit | None:
        """Return why a stored value is not as the schema wants it, None when it is."""
        longest = setting("SCHEMA_JUDGED_BYTES")
        if len(value) > longest:
            return Misfit("", f"no value of more than {longest} characters (longer ones are not judged)")
        parsed = judged(value)
        try:
            return self._first(parsed)
        except UnicodeEncodeError:
            return self._first(encodable(parsed))

    def _first(self, parsed: Any) -> Misfit | None:
        if self.validator.is_valid(parsed):
            return None
        error = next(self.validator.iter_errors(parsed))
        return Misfit(_pointer(error.instance_path)[:LONGEST_PATH], _wants(error))


@dataclass(frozen=True, slots=True)
class SchemaMismatch:
    """Collections with a pinned schema hold values that fulfil it."""

    pinned: Mapping[str, PinnedSchema]

    def may_refuse(self, lines: Lines) -> bool:
        """Only pinned schemas have anything to judge."""
        return bool(lines) and bool(self.pinned)

    def judge(self, ordinal: int, line: Line, collection: str) -> Refusal | None:
        """Refuse a value its collection's schema does not allow."""
        schema = self.pinned.get(collection)
        if schema is None or line.value is None:
            return None
        misfit = schema.misfit(line.value)
        if misfit is None:
            return None
        return Refusal(
            ordinal,
            "schema_mismatch",
            f"Version {schema.version} of the schema of {collection} wants {misfit.wants}.",
            misfit.path,
        )


def compile_schema(text: str, *, version: int = 0) -> PinnedSchema:
    """Compile a schema given as JSON text. Raises SchemaInvalid, saying what is wrong with it."""
    if len(text.encode("utf-8", "surrogatepass")) > setting("SCHEMA_BYTES"):
        raise SchemaInvalid(f"The schema is longer than {setting('SCHEMA_BYTES')} bytes.")
    return PinnedSchema(version, _compiled(text))


@lru_cache(maxsize=256)
def _compiled(text: str) -> "Draft202012Validator":
    # Here, because most processes never see a pinned schema, and it weighs several megabytes.
    from jsonschema_rs import Draft202012Validator, ReferencingError, RegexOptions, ValidationError

    schema = _read(text)
    _Bounds(schema).check()
    try:
        return Draft202012Validator(
            schema,
            offline=True,
            validate_formats=False,
            pattern_options=RegexOptions(size_limit=REGEX_BYTES, dfa_size_limit=REGEX_BYTES),
        )
    except ValidationError as error:
        raise SchemaInvalid(f"At {_pointer(error.instance_path) or 'the top'}: {error.message[:300]}") from error
    except (ValueError, TypeError, OverflowError, ReferencingError) as error:
        raise SchemaInvalid(f"It does not compile: {str(error)[:300]}") from error


def _read(text: str) -> dict[str, Any]:
    try:
        schema = json.loads(text, parse_constant=_refuse_constant)
        text.encode()
        json.dumps(schema, ensure_ascii=False).encode()
    except RecursionError as error:
        raise SchemaInvalid(f"It nests deeper than {DEEPEST} levels.") from error
    except ValueError as error:
        raise SchemaInvalid("It is not JSON, or holds half a character.") from error
    if not isinstance(schema, dict):
        raise SchemaInvalid("A schema is a JSON object.")
    if schema.get("$schema", DIALECT) != DIALECT:
        raise SchemaInvalid(f"Only {DIALECT} is understood.")
    return schema


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


class _Bounds:
    """Counts what a schema comes to once its references are followed; a circle or a giant is refused."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema
        self._sizes: dict[str, int] = {}
        self._open: set[str] = set()

    def check(self) -> None:
        """Raise SchemaInvalid unless the schema stays within itself and within bounds."""
        if self._size(self._schema, 0) > MOST_NODES:
            raise SchemaInvalid(f"With its references followed it has more than {MOST_NODES} parts.")

    def _size(self, node: Any, depth: int) -> int:
        if depth > DEEPEST:
            raise SchemaInvalid(f"It nests deeper than {DEEPEST} levels.")
        if isinstance(node, list):
            return 1 + sum(self._size(one, depth + 1) for one in node)
        if not isinstance(node, dict):
            return 1
        for name in _ELSEWHERE:
            if isinstance(node.get(name), str | bool) or (name == "$vocabulary" and name in node):
                raise SchemaInvalid(f"{name} is not allowed: references lead only to #/… within the schema.")
        own = 1 + sum(self._size(one, depth + 1) for one in node.values())
        reference = node.get("$ref")
        return own + (self._target(reference) if isinstance(reference, str) else 0)

    def _target(self, reference: str) -> int:
        if not reference.startswith("#/"):
            raise SchemaInvalid("$ref leads outside the schema, or to the whole of it; only #/… is allowed.")
        if reference in self._open:
            raise SchemaInvalid("A reference leads back to itself.")
        if reference not in self._sizes:
            self._open.add(reference)
            self._sizes[reference] = min(self._size(self._resolve(reference), 0), MOST_NODES + 1)
            self._open.remove(reference)
        return self._sizes[reference]

    def _resolve(self, reference: str) -> Any:
        here: Any = self._schema
        for step in _steps(reference):
            if isinstance(here, list) and step.isdecimal() and len(step) < 6 and int(step) < len(here):
                here = here[int(step)]
            elif isinstance(here, dict) and step in here:
                here = here[step]
            else:
                raise SchemaInvalid("A reference leads to nothing in the schema.")
        return here


def _steps(reference: str) -> Iterator[str]:
    for step in reference.split("/")[1:]:
        if "%" in step:
            raise SchemaInvalid("A reference is written with %; write the name itself.")
        yield step.replace("~1", "/").replace("~0", "~")


def _pointer(path: Sequence[str | int]) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def _wants(error: "ValidationError") -> str:
    """Say what the schema asks for, from the schema's side alone."""
    facts = error.kind.as_dict()
    match error.kind.name:
        case "type":
            return "the type " + " or ".join(sorted(facts["types"]))
        case "required":
            return f"the member {json.dumps(facts['property'], ensure_ascii=False)[:80]}"
        case "additionalProperties" | "unevaluatedProperties" | "falseSchema":
            return "no further members"
        case name if isinstance(facts.get("limit"), int | float):
            return f"{name} {facts['limit']}"
        case name:
            return name
