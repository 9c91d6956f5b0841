"""The type of one stored value, named as the SDK names it. `tests/vectors/types.json` is the law for both.

In this order: empty, dataUrl, jwt, uuid, date; then JSON: object, array, number, boolean, null; a JSON string is
looked into once more (the special types above, doubleEncoded where its text is an object, array or string in
JSON again, base64, else string); what is not JSON is base64 or text.
"""

import json
import re
from typing import Any, Final

TYPES: Final = (
    "object", "array", "string", "number", "boolean", "null", "date", "uuid", "base64", "dataUrl", "jwt", "text",
    "doubleEncoded", "empty",
)  # fmt: skip

# A longer value (UTF-16 code units) is judged by its first and last character: parsing it would block a page.
PARSED_UNITS: Final = 100_000

_DATE = (
    r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"(?:[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_SPECIAL = {
    "jwt": re.compile(r"eyJ[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+\.[0-9A-Za-z_-]*"),
    "uuid": re.compile(r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"),
    "date": re.compile(_DATE),
}
_DATA_URL = re.compile(r"data:(?:[0-9A-Za-z]+/[0-9A-Za-z.+-]+)?(?:;[0-9A-Za-z.+=-]+)*,")
_BASE64 = re.compile(r"[0-9A-Za-z+/]{22,}={0,2}")
_PADDED_OR_MIXED = re.compile(r"(?=.*[0-9])(?=.*[A-Z])(?=.*[a-z])|.*=")
_BLANKS = " \t\n\r"
_ENDS = {"{}": "object", "[]": "array", '""': "string"}


def type_of(value: str) -> str:
    """Return the type of `value`, one of TYPES. Never raises."""
    special = _special(value)
    if special:
        return special
    if len(value) * 2 > PARSED_UNITS and len(value.encode("utf-16-le", "surrogatepass")) > PARSED_UNITS * 2:
        return _type_by_ends(value)
    kind, inner = _json(value)
    if kind == "string":
        return _type_of_inner(inner)
    return kind or ("base64" if _is_base64(value) else "text")


def _special(text: str) -> str | None:
    if not text:
        return "empty"
    if _DATA_URL.match(text):
        return "dataUrl"
    return next((name for name, pattern in _SPECIAL.items() if pattern.fullmatch(text)), None)


def _type_of_inner(inner: str) -> str:
    special = _special(inner) if inner else None
    if special:
        return special
    if _json(inner)[0] in ("object", "array", "string"):
        return "doubleEncoded"
    return "base64" if _is_base64(inner) else "string"


def _type_by_ends(value: str) -> str:
    trimmed = value.strip(_BLANKS)
    return _ENDS.get(trimmed[:1] + trimmed[-1:]) or ("base64" if _is_base64(value) else "text")


def _is_base64(text: str) -> bool:
    return len(text) % 4 == 0 and bool(_BASE64.fullmatch(text) and _PADDED_OR_MIXED.match(text))


def _json(text: str) -> tuple[str | None, str]:
    """Return the JSON kind of `text` (None if it is not JSON) and the text of a JSON string."""
    try:
        parsed: Any = _READER.decode(text)
    except ValueError:
        return None, ""
    except RecursionError:
        return {"{": "object", "[": "array"}.get(text.strip(_BLANKS)[:1]), ""
    if isinstance(parsed, str):
        return "string", parsed
    names: dict[type, str] = {dict: "object", list: "array", bool: "boolean", int: "number", type(None): "null"}
    return names[type(parsed)], ""


def _some_number(digits: str) -> int:
    """Stand for any number: its value does not matter, and a very long one would be refused."""
    return len(digits)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_READER: Final = json.JSONDecoder(parse_constant=_refuse, parse_int=_some_number, parse_float=_some_number)
