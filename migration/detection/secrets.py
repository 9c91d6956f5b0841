"""Recognises entries that hold a secret, by name first and by value second.

`find_secret` looks at one entry; `scan_entries` gives the same verdicts for a whole chunk at a few microseconds
a record. An app's allow-list is a test on keys made by `values.collections.compile_patterns`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from migration.detection.prefilter import hinted_keys, possible_rules
from migration.detection.rules import HARMLESS, KEY_RULES, NAME_UNITS, VALUE_RULES, KeyRule, ValueRule
from migration.values.collections import code_units
from migration.values.lines import Lines


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


def scan_entries(payload: bytes, lines: Lines, *, allowed: Callable[[str], bool] | None = None) -> list[Finding]:
    """Return the findings of a chunk in the order of its lines; deletions carry nothing and are left out.

    `payload` is what `lines` were decoded from. `allowed` names keys the app lets through.
    """
    hits: dict[int, KeyRule | ValueRule] = {}
    for number in hinted_keys(lines.keys):
        key_rule = _key_rule_for(lines.keys[number])
        if key_rule is not None:
            hits[number] = key_rule
    for number, places in possible_rules(payload).items():
        if number not in hits:
            value_rule = _value_rule_for(lines.values[number] or "", [VALUE_RULES[place] for place in sorted(places)])
            if value_rule is not None:
                hits[number] = value_rule
    return [
        Finding(lines.keys[number], hits[number].id, hits[number].why)
        for number in sorted(hits)
        if lines.values[number] is not None and not (allowed and allowed(lines.keys[number]))
    ]


def _key_rule_for(key: str) -> KeyRule | None:
    named = HARMLESS.sub(" ", code_units(key[:NAME_UNITS])[:NAME_UNITS])
    return next((rule for rule in KEY_RULES if rule.pattern.search(named)), None)


def _value_rule_for(value: str, rules: Sequence[ValueRule]) -> ValueRule | None:
    return next((rule for rule in rules if rule.found_in(value)), None)
