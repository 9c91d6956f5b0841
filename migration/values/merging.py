"""Two edits of one JSON object put together, member by member, against what both began with (semantics 6).

Members are compared and copied as they are written, so whatever only one side touched keeps every byte. Arrays are
atomic, an edit beats a delete, and a member both sides changed differently is a tie.
"""

import json
import math

import msgspec
from msgspec import Raw, Struct

from migration.values.edits import Unfit, is_object, members_of


class Merged(Struct, frozen=True):
    """A merge's result as JSON text, and at how many places both sides had changed the same."""

    text: str
    ties: int


def merge_members(base: str, held: str, arriving: str, *, arriving_wins: bool) -> Merged:
    """Merge what arrives into what is held; at ties one side's member stands.

    Raises Unfit when one of the three is no JSON object, or none that would survive being read and written.
    """
    merge = _Merge(arriving_wins)
    whole = merge.objects(*(members_of(_survives(text), "") for text in (base, held, arriving)))
    return Merged(msgspec.json.encode(whole).decode(), merge.ties)


Members = dict[str, Raw]


class _Merge:
    """One merge under way: who wins ties, and how many there were."""

    def __init__(self, arriving_wins: bool) -> None:
        self._arriving_wins = arriving_wins
        self.ties = 0

    def objects(self, base: Members, held: Members, arriving: Members) -> Members:
        """Merge two objects: what is held first, then what is new."""
        names = [*held, *(name for name in arriving if name not in held)]
        merged = {name: self._member(base.get(name), held.get(name), arriving.get(name)) for name in names}
        return {name: member for name, member in merged.items() if member is not None}

    def _member(self, base: Raw | None, held: Raw | None, arriving: Raw | None) -> Raw | None:
        if _same(held, arriving) or _same(base, arriving):
            return held
        if _same(base, held):
            return arriving
        if held is None or arriving is None:  # one side deleted what the other edited
            return arriving if held is None else held
        if all(is_object(one) for one in (base, held, arriving) if one is not None):
            inner = (members_of(bytes(one), "") if one is not None else {} for one in (base, held, arriving))
            return Raw(msgspec.json.encode(self.objects(*inner)))
        self.ties += 1
        return arriving if self._arriving_wins else held


def _same(one: Raw | None, other: Raw | None) -> bool:
    return (None if one is None else bytes(one)) == (None if other is None else bytes(other))


def _survives(text: str) -> bytes:
    """Refuse what a browser would not give back as it was: numbers beyond a double's reach."""
    try:
        encoded = text.encode()
        json.loads(encoded, parse_float=_finite, parse_int=_finite)
    except (ValueError, RecursionError) as error:
        raise Unfit("The value does not survive being read and written.") from error
    return encoded


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("beyond a double")
    return number
