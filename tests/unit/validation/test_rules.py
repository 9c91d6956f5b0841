"""Which entries are refused, with which code, and that nothing else is."""

from typing import Any

import pytest

from migration.validation import EntryTooLarge, KeyTooLarge, TypeMismatch, ValidationService
from migration.values.lines import Line, Lines, decode_line, encode_line


def line(key: str, value: str | None) -> Line:
    return decode_line(encode_line(key, value))


def service(**options: Any) -> ValidationService:
    return ValidationService.for_app(**{"max_entry_bytes": 100, **options})


class TestSizes:
    @pytest.mark.parametrize(("length", "code"), [(94, None), (95, "entry_too_large")])
    def test_an_entry_may_be_as_long_as_the_limit_and_no_longer(self, length: int, code: str | None) -> None:
        entry = line("", "x" * length)  # ["","…"] is six bytes more, and one more makes a hundred and one
        assert len(entry.raw) == length + 7
        limit = 101
        refusal = service(max_entry_bytes=limit).judge(3, entry, "c")
        assert (refusal.code if refusal else None) == code
        if refusal:
            assert (refusal.ordinal, refusal.path) == (3, "value")

    @pytest.mark.parametrize(
        ("key", "refused"),
        [
            ("k" * 10, False),
            ("k" * 11, True),
            ("\U0001f600" * 5, False),
            ("\U0001f600" * 6, True),
            ("\ud800" * 11, True),
        ],
    )
    def test_a_key_is_measured_in_code_units(self, key: str, refused: bool) -> None:
        refusal = KeyTooLarge(10).judge(0, line(key, "v" * 50), "c")
        assert (refusal is not None) == refused
        assert refusal is None or (refusal.code, refusal.path) == ("key_too_large", "key")

    def test_a_refusal_never_shows_the_value(self) -> None:
        refusal = EntryTooLarge(5).judge(0, line("key", "secret"), "c")
        assert refusal is not None
        assert "secret" not in refusal.detail


class TestTypes:
    @pytest.mark.parametrize(
        ("declared", "value", "refused"),
        [
            ("object", '{"a":1}', False), ("object", "[1]", True), ("object", "{", True), ("array", "[]", False),
            ("number", "1.5", False), ("number", "7", False), ("number", "true", True), ("boolean", "false", False),
            ("string", '"x"', False), ("string", "x", True), ("null", "null", False), ("json", "null", False),
            ("json", "plain", True), ("text", "plain", False), ("text", "{}", False), ("object", "\ud800", True),
            ("number", "1e400", False), ("object", '{"a":"\\ud800"}', False),
        ],
    )  # fmt: skip
    def test_a_collection_holds_what_it_declares(self, declared: str, value: str, refused: bool) -> None:
        rule = TypeMismatch.of_app([{"name": "c", "type": declared}])
        refusal = rule.judge(0, line("k", value), "c")
        assert (refusal.code if refusal else None) == ("type_mismatch" if refused else None)
        assert rule.judge(0, line("k", value), "other") is None

    def test_a_deletion_has_no_type(self) -> None:
        assert TypeMismatch({"c": "object"}).judge(0, line("k", None), "c") is None

    def test_names_of_kinds_may_be_given_from_outside(self) -> None:
        rule = TypeMismatch({"c": "uuid"}, kind_of=lambda value: "uuid" if len(value) == 36 else "text")
        assert rule.judge(0, line("k", "f" * 36), "c") is None
        assert rule.judge(0, line("k", "short"), "c") is not None


class TestJudgingAll:
    def test_gives_the_first_reason_of_each_refused_entry_with_its_place(self) -> None:
        lines = Lines.of([line("a", "1"), line("b", "x" * 200), line("c", "{}"), line("d", "nope")])
        found = service(collections=[{"name": "c", "type": "json"}]).judge_all(lines, label=lambda _: "c", first=20)
        assert [(one.ordinal, one.code) for one in found] == [(21, "entry_too_large"), (23, "type_mismatch")]

    def test_labels_nothing_where_nothing_can_be_refused(self) -> None:
        def label(key: str) -> str:
            raise AssertionError(key)

        lines = Lines.of([line("a", "1")])
        assert service().judge_all(lines, label=label) == []
        assert service(collections=[{"name": "c", "patterns": []}]).judge_all(lines, label=label) == []
