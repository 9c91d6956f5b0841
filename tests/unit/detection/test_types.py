"""Types of values, as the shared vectors have them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.detection import TYPES, type_of
from tests.unit.detection.vectors import type_cases


class TestTypeOf:
    @pytest.mark.parametrize("expected", TYPES)
    def test_answers_as_the_shared_vectors_say(self, expected: str) -> None:
        values = [value for kind, value in type_cases() if kind == expected]
        assert values
        assert [(value[:60], type_of(value)) for value in values] == [(value[:60], expected) for value in values]

    @given(st.text(st.characters(codec=None, exclude_categories=())))
    def test_has_an_answer_for_any_text(self, value: str) -> None:
        assert type_of(value) in TYPES

    def test_takes_json_nested_deeper_than_the_parser_goes_at_its_first_character(self) -> None:
        assert type_of("[" * 20_000 + "]" * 20_000) == "array"
        assert type_of(' {"a":' * 9_000 + "1" + "}" * 9_000) == "object"

    def test_takes_numbers_of_any_length(self) -> None:
        assert type_of("9" * 50_000) == "number"
