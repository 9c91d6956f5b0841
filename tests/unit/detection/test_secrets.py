"""Verdicts on single entries and on whole chunks."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migration.detection import Finding, find_secret, scan_entries
from migration.detection.rules import KEY_HINTS, VALUE_RULES
from migration.values.collections import compile_patterns
from migration.values.lines import Lines, decode_lines, encode_line
from tests.unit.detection.vectors import SecretCase, secret_cases

REPOSITORY = Path(__file__).parents[3]
KINDS = sorted({case.kind for case in secret_cases()})
CARD = "4111-1111-1111-1111"  # what every payment provider tests with


def chunk_of(*entries: tuple[str, str | None]) -> tuple[bytes, Lines]:
    """Return the payload of `entries` and what intake decodes from it."""
    payload = b"".join(encode_line(key, value) + b"\n" for key, value in entries)
    return payload, decode_lines(payload)


def one_by_one(lines: Lines) -> list[Finding]:
    found = [find_secret(line.key, line.value) for line in lines if line.value is not None]
    return [finding for finding in found if finding]


class TestFindSecret:
    @pytest.mark.parametrize("kind", KINDS)
    def test_answers_as_the_shared_vectors_say(self, kind: str) -> None:
        cases = [case for case in secret_cases() if case.kind == kind]
        answers = [find_secret(case.key, case.value) for case in cases]
        assert [answer and answer.rule for answer in answers] == [case.rule for case in cases]

    def test_says_why(self) -> None:
        assert find_secret("userPassword", "x") == Finding("userPassword", "password", "password")

    def test_names_come_before_values(self) -> None:
        finding = find_secret("pin", CARD)
        assert finding is not None
        assert finding.rule == "pin"

    def test_a_harmless_part_does_not_hide_the_rest_of_a_name(self) -> None:
        assert find_secret("show_password", "true") is None
        assert find_secret("show_password_token", "x") is not None


class TestCorpus:
    def test_is_large_enough_to_mean_something(self) -> None:
        named = [case for case in secret_cases() if case.named]
        assert len(named) >= 500
        assert len({case.kind for case in named}) >= 25
        secrets = sum(case.secret for case in secret_cases())
        assert len(secret_cases()) - secrets >= max(500, secrets)

    def test_recall_and_false_alarms(self) -> None:
        def found(cases: list[SecretCase]) -> float:
            return sum(find_secret(case.key, case.value) is not None for case in cases) / len(cases)

        assert found([case for case in secret_cases() if case.named]) >= 0.99
        assert found([case for case in secret_cases() if case.secret]) >= 0.90
        assert found([case for case in secret_cases() if not case.secret]) <= 0.02

    def test_is_what_its_script_writes(self) -> None:
        made = subprocess.run(
            [sys.executable, "-m", "tests.vectors.make_secrets"], cwd=REPOSITORY, capture_output=True, check=True
        )
        assert made.stdout == (REPOSITORY / "tests/vectors/secrets.json").read_bytes()


FRAGMENTS = st.sampled_from(
    [
        *KEY_HINTS,
        *(rule.literal for rule in VALUE_RULES if rule.literal),
        *(case.value for case in secret_cases() if case.secret),
        *(
            CARD,
            CARD.replace("-", ""),
            "0.4111111111111111",
            '"',
            "\\",
            "\n",
            " ",
            ".",
            "-",
            "0",
            "é",
            "\ud800",
            "\x00",
        ),
    ]
)
TEXTS = st.lists(FRAGMENTS, max_size=5).map("".join)


class TestScanEntries:
    def test_agrees_with_single_verdicts_on_the_corpus(self) -> None:
        payload, lines = chunk_of(*((case.key, case.value) for case in secret_cases()))
        assert scan_entries(payload, lines) == one_by_one(lines)

    @settings(deadline=None)
    @given(st.lists(st.tuples(TEXTS, st.none() | TEXTS), max_size=12))
    def test_agrees_with_single_verdicts_on_anything(self, entries: list[tuple[str, str | None]]) -> None:
        payload, lines = chunk_of(*entries)
        assert scan_entries(payload, lines) == one_by_one(lines)

    def test_leaves_deletions_out(self) -> None:
        payload, lines = chunk_of(("password", None), ("password2", "x"))
        assert [finding.key for finding in scan_entries(payload, lines)] == ["password2"]

    def test_lets_through_what_the_app_allows(self) -> None:
        payload, lines = chunk_of(("game.token", "red"), ("token", "x"))
        found = scan_entries(payload, lines, allowed=compile_patterns(["game.*"]))
        assert [finding.key for finding in found] == ["token"]

    def test_finds_nothing_in_nothing(self) -> None:
        assert scan_entries(b"", decode_lines(b"")) == []

    def test_tells_card_numbers_from_fractions(self) -> None:
        closed = CARD.replace("-", "")
        payload, lines = chunk_of(
            ("a", f"0.{closed}"), ("b", f"paid with {CARD}."), ("c", f"0.5 {CARD}"), ("d", f"0.1234567 {closed}")
        )
        assert [finding.key for finding in scan_entries(payload, lines)] == ["b", "c", "d"]

    def test_costs_little_for_a_clean_chunk(self) -> None:
        """2 µs a record where little else runs; the bound leaves room for a busy machine."""
        value = (
            '{"title":"buy milk","body":"' + "Three oat milks, call back before noon. " * 9 + '","order":0.8273648273}'
        )
        payload, lines = chunk_of(*((f"todo:{number}", value) for number in range(2500)))
        tries = []
        for _ in range(5):
            start = time.process_time()
            assert scan_entries(payload, lines) == []
            tries.append(time.process_time() - start)
        assert min(tries) / len(lines) < 20e-6
