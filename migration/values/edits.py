"""What somebody changed in one value, as changes that can be made to others like it (RFC 6902 add, replace, remove).

Members are compared and copied as they are written: whatever is not touched keeps every byte, also numbers no parser
would give back (`1e400`, `-0`, twenty digits).
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NoReturn

import msgspec
from msgspec import Raw, Struct

_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
Operation = Literal["add", "replace", "remove"]


class Change(Struct, frozen=True):
    """One change: where (a JSON Pointer, RFC 6901) and what; `value` is JSON text, empty for a removal."""

    op: Operation
    path: str
    value: str = ""


class Unfit(ValueError):
    """The change cannot be made to this value."""


def derive(original: str, edited: str) -> list[Change]:
    """Return the changes that make `original` into `edited`, both the text of JSON objects. Raises Unfit for others."""
    return list(_differences(members_of(original.encode(), ""), members_of(edited.encode(), ""), ""))


def apply(changes: Sequence[Change], value: str) -> str:
    """Return `value`, the text of a JSON object, with all changes made. Raises Unfit when one of them does not fit."""
    whole = members_of(_encoded(value), "")
    for change in changes:
        _make(change, whole, _parts(change.path), "")
    return msgspec.json.encode(whole).decode()


def _differences(before: dict[str, Raw], after: dict[str, Raw], path: str) -> Iterator[Change]:
    for name, old in before.items():
        place = f"{path}/{_escaped(name)}"
        new = after.get(name)
        if new is None:
            yield Change("remove", place)
        elif bytes(old) == bytes(new):
            continue
        elif is_object(old) and is_object(new):
            yield from _differences(members_of(bytes(old), place), members_of(bytes(new), place), place)
        else:
            yield Change("replace", place, bytes(new).decode())
    for name, new in after.items():
        if name not in before:
            yield Change("add", f"{path}/{_escaped(name)}", bytes(new).decode())


def _make(change: Change, members: dict[str, Raw], parts: Sequence[str], path: str) -> None:
    name, *rest = parts
    here = f"{path}/{_escaped(name)}"
    if rest:
        if name not in members:
            raise Unfit(f"There is nothing at {here}.")
        inner = members_of(bytes(members[name]), here)
        _make(change, inner, rest, here)
        members[name] = Raw(msgspec.json.encode(inner))
    elif change.op == "add":
        members[name] = Raw(change.value.encode())
    elif name not in members:
        raise Unfit(f"There is nothing at {here}.")
    elif change.op == "remove":
        del members[name]
    else:
        members[name] = Raw(change.value.encode())


def members_of(text: bytes, path: str) -> dict[str, Raw]:
    """Read one object, its members unread. Raises Unfit for anything else.

    A member named twice would be lost by that, so it is not touched.
    """
    try:
        members = _MEMBERS.decode(text)
        json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=str, parse_int=str)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Unfit(f"At {path or 'the top'} there is no object that could be written again as it is.") from error
    return members


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is named twice")
    return members


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _encoded(value: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        raise Unfit("The value holds a lone surrogate.") from error


def is_object(raw: Raw) -> bool:
    """Tell whether a member is an object, by how it begins."""
    return bytes(raw).startswith(b"{")


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _parts(path: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]
