"""Recognises entries that hold a secret, by name first and by value second.

`find_secret` looks at one entry; `scan_entries` gives the same verdicts for a whole chunk at a few microseconds
a record. An app's allow-list is a test on keys made by `values.collections.compile_patterns`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from migration.detection.prefilter import possible_rules
from migration.detection.rules import HARMLESS, KEY_HINTS, KEY_RULES, NAME_UNITS, VALUE_RULES, KeyRule, ValueRule
from migration.values.collections import code_units


class Entry(Protocol):
    """What is scanned: a key and its value, None where the entry is a deletion."""

    @property
    def key(self) -> str:
        """The key, lone surrogates and all."""

    @property
    def value(self) -> str | None:
        """The value, None for a deletion."""


@dataclass(frozen=True, slots=True)
class Finding:
    """An entry that must stay in the browser: its key, the rule's id and the rule's reason."""

    key: str
    rule: str
    why: str


def find_secret(key: str, value: str) -> Finding | None:
    """Return what makes the entry a secret, None if nothing does. The first rule of the file that fits wins."""
    rule: KeyRule | ValueRule | None = _key_rule_for(key)
    if rule is None:
        rule = _value_rule_for(value, VALUE_RULES)
    return None if rule is None else Finding(key, rule.id, rule.why)


def scan_entries(
    payload: bytes, entries: Sequence[Entry], *, allowed: Callable[[str], bool] | None = None
) -> list[Finding]:
    """Return the findings of a chunk in the order of its lines; deletions carry nothing and are left out.

    `payload` is the canonical lines `entries` were decoded from, one each. `allowed` names keys the app lets
    through. Raises ValueError when lines and entries are not equally many.
    """
    if payload.count(b"\n") != len(entries):
        raise ValueError("payload and entries must have equally many lines")
    hits: dict[int, KeyRule | ValueRule] = {}
    for number in _lines_with_a_hint(entries):
        key_rule = _key_rule_for(entries[number].key)
        if key_rule is not None:
            hits[number] = key_rule
    for number, places in possible_rules(payload).items():
        if number not in hits:
            value_rule = _value_rule_for(entries[number].value or "", [VALUE_RULES[place] for place in sorted(places)])
            if value_rule is not None:
                hits[number] = value_rule
    return [
        Finding(entries[number].key, hits[number].id, hits[number].why)
        for number in sorted(hits)
        if entries[number].value is not None and not (allowed and allowed(entries[number].key))
    ]


def _key_rule_for(key: str) -> KeyRule | None:
    named = HARMLESS.sub(" ", code_units(key[:NAME_UNITS])[:NAME_UNITS])
    return next((rule for rule in KEY_RULES if rule.pattern.search(named)), None)


def _value_rule_for(value: str, rules: Sequence[ValueRule]) -> ValueRule | None:
    return next((rule for rule in rules if rule.found_in(value)), None)


def _lines_with_a_hint(entries: Sequence[Entry]) -> Iterator[int]:
    joined = "\n".join([entry.key for entry in entries]).lower()
    hints = [hint for hint in KEY_HINTS if hint in joined]
    if not hints:
        return iter(())
    keys = (entry.key.lower() for entry in entries)
    return (number for number, key in enumerate(keys) if any(hint in key for hint in hints))
