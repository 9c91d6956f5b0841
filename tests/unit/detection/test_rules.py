"""The rule file means the same in both languages, is small, and cannot be made to take long."""

import gzip
import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migration.detection import find_secret, rules
from migration.detection.rules import HARMLESS, KEY_HINTS, KEY_RULES, NAME_UNITS, VALUE_RULES, passes_luhn

RULE_FILE = Path(rules.__file__).with_name("secret_rules.json")
DOCUMENT = json.loads(RULE_FILE.read_text(encoding="ascii"))
SOURCES = [rule["pattern"] for rule in DOCUMENT["key_rules"] + DOCUMENT["value_rules"]] + DOCUMENT["harmless"]

# What JavaScript and Python read differently, or one of them not at all.
FOREIGN = {
    "lookbehind": r"\(\?<",
    "named group or inline flag": r"\(\?[Pa-z>]",
    "class escape": r"\\[bBdDwWZAzpPu](?![^\[]*\])",
    "end anchor": r"(?<!\\)\$(?![^\[]*\])",
    "any character": r"(?<![\\\[])\.(?![^\[]*\])",
    "possessive quantifier": r"[+*?}]\+",
    "character beyond ASCII": r"[^\x00-\x7f]",
}


class TestRuleFile:
    @pytest.mark.parametrize("source", SOURCES)
    def test_keeps_to_what_both_languages_read_alike(self, source: str) -> None:
        plain = source.replace(r"[\s\S]", "")
        assert "\\s" not in plain
        assert [name for name, foreign in FOREIGN.items() if re.search(foreign, plain)] == []

    @pytest.mark.parametrize("source", SOURCES)
    def test_counts_no_characters_that_could_be_two_code_units(self, source: str) -> None:
        assert re.findall(r"\[\^[^]]*\]\{", source) == []

    def test_names_each_field_and_no_other(self) -> None:
        assert set(DOCUMENT) == {"version", "name_units", "harmless", "key_rules", "value_rules"}
        for rule in DOCUMENT["key_rules"]:
            assert set(rule) <= {"id", "pattern", "why"}
        for rule in DOCUMENT["value_rules"]:
            assert set(rule) <= {"id", "literal", "pattern", "check", "why"}

    def test_is_small_enough_for_the_browser(self) -> None:
        minified = json.dumps(DOCUMENT, separators=(",", ":")).encode()
        assert len(gzip.compress(minified, 9)) <= 1650

    def test_searches_for_literals_that_stand_unescaped_in_a_payload(self) -> None:
        literals = [rule.literal for rule in VALUE_RULES if rule.literal]
        assert [literal for literal in literals if json.dumps(literal) != f'"{literal}"'] == []

    def test_finds_the_literal_first_in_all_rules_but_one(self) -> None:
        assert {rule.id for rule in VALUE_RULES if rule.body is None} == {"jwk", "card"}


class TestPrefilters:
    """What is looked for first must stand in everything the patterns match."""

    @pytest.mark.parametrize("rule", VALUE_RULES, ids=lambda rule: f"{rule.id}-{rule.literal}")
    def test_literal_stands_in_every_match(self, rule: rules.ValueRule) -> None:
        @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.from_regex(rule.pattern))
        def holds(text: str) -> None:
            if rule.literal not in (None, "kty"):  # a JWK's `kty` may stand anywhere around its `d`
                assert rule.literal in text
                assert rule.found_in(text)

        holds()

    @pytest.mark.parametrize("pattern", [*(rule.pattern for rule in KEY_RULES), HARMLESS], ids=lambda p: p.pattern[:20])
    def test_a_hint_stands_in_every_key_that_matches(self, pattern: re.Pattern[str]) -> None:
        @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.from_regex(pattern))
        def holds(key: str) -> None:
            assert any(hint in key.lower() for hint in KEY_HINTS)

        holds()


class TestLuhn:
    @pytest.mark.parametrize("number", ["4111111111111111", "4111 1111 1111 1111", " 3782-822463-10005", "0"])
    def test_accepts_a_check_digit_that_fits(self, number: str) -> None:
        assert passes_luhn(number)

    @given(st.text("0123456789", min_size=2, max_size=19), st.integers(1, 9))
    def test_refuses_any_other_check_digit(self, number: str, offset: int) -> None:
        right = [digit for digit in range(10) if passes_luhn(number + str(digit))]
        assert len(right) == 1
        assert not passes_luhn(number + str((right[0] + offset) % 10))


ALL_LITERALS = " ".join(rule.literal for rule in VALUE_RULES if rule.literal)
HOSTILE: dict[str, Callable[[int], str]] = {
    "one letter": lambda size: "a" * size,
    "one digit": lambda size: "4" * size,
    "digit groups": lambda size: "4111 " * (size // 5),
    "all literals": lambda size: ALL_LITERALS * (size // len(ALL_LITERALS)),
    "token heads": lambda size: "eyJ" * (size // 3),
    "token heads apart": lambda size: (" eyJ" + "a" * 499) * (size // 503),
    "token parts": lambda size: (" eyJ" + "a" * 20 + "." + "b" * 3990) * (size // 4015),
    "open members": lambda size: 'assword":"a!' * (size // 12),
    "backslashes": lambda size: ("assword" + "\\" * 8) * (size // 15),
    "open URLs": lambda size: ("://" + "a" * 79 + ":") * (size // 83),
    "URLs in URLs": lambda size: "://a:" * (size // 5),
    "open keys": lambda size: (" SG." + "a" * 24) * (size // 28),
    "names": lambda size: "tokenx secrety expinkey " * (size // 24),
}


class TestTime:
    """Eight times the text may take eight times the time, with room for a busy machine, never the square."""

    @pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
    def test_grows_with_the_text_only(self, make: Callable[[int], str]) -> None:
        def seconds(size: int) -> float:
            text = make(size)
            tries = []
            for _ in range(3):
                start = time.process_time()
                find_secret(text, text)
                tries.append(time.process_time() - start)
            return min(tries)

        assert seconds(400_000) < 30 * seconds(50_000) + 0.01

    def test_judges_long_names_by_their_beginning(self) -> None:
        assert find_secret("x" * (NAME_UNITS - 5) + "token", "") is not None
        assert find_secret("x" * (NAME_UNITS - 4) + "token", "") is None
