"""Shapes hold types and members, never values; the schema written from one admits all it was made of."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.detection import Shape, differences, path_of, pointer, schema_of, shape_of
from migration.validation import compile_schema
from migration.values.judged import judged

TEXTS = st.text(st.characters(), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
STORED = JSON.map(json.dumps) | TEXTS | st.sampled_from(["1e999", "-1e999", "9" * 4400, '"\\ud800"', "{}x", "[[]", ""])


def known(*values: Any) -> Shape:
    shape = Shape()
    for value in values:
        shape.add(value)
    return shape


def told(shape: Shape, value: Any) -> list[tuple[str, str]]:
    return [(one.kind, pointer(one.path)) for one in differences(shape, shape_of(value))]


class TestInference:
    @given(st.lists(STORED, min_size=1, max_size=8))
    def test_admits_every_value_it_was_made_of(self, values: list[str]) -> None:
        schema = compile_schema(json.dumps(schema_of(known(*map(judged, values)))))
        assert [schema.misfit(value) for value in values] == [None] * len(values)

    @given(st.lists(JSON, max_size=6), st.lists(JSON, max_size=6))
    def test_of_two_samples_merged_is_that_of_both(self, one: list[Any], other: list[Any]) -> None:
        merged = known(*one)
        merged.merge(known(*other))
        assert schema_of(merged) == schema_of(known(*one, *other))

    @given(JSON)
    def test_survives_being_stored(self, value: Any) -> None:
        assert Shape.from_data(json.loads(json.dumps(shape_of(value).as_data()))) == shape_of(value)

    @given(st.lists(JSON, min_size=1, max_size=6))
    def test_finds_nothing_strange_in_what_it_knows(self, values: list[Any]) -> None:
        shape = known(*values)
        assert [told(shape, value) for value in values] == [[]] * len(values)

    @given(st.dictionaries(TEXTS, TEXTS.filter(lambda text: len(text) > 3), max_size=5))
    def test_keeps_no_value(self, value: dict[str, str]) -> None:
        types = {kind for shape in shape_of(value).members.values() for kind in shape.types}
        assert types <= {"string"}

    def test_is_bounded_in_width_and_depth(self) -> None:
        wide = shape_of({str(number): {"a": 1} for number in range(10_000)})
        assert wide.members == {}
        assert wide.rest is not None
        assert wide.rest.seen == 10_000
        deep: Any = 1
        for _ in range(120):
            deep = [deep]
        assert json.dumps(shape_of(deep).as_data()).count("types") <= 14


class TestDifferences:
    @pytest.mark.parametrize(
        ("value", "found"),
        [
            ({"a": 1, "b": [{"c": "x"}]}, []),
            ({"a": 1.5, "b": []}, [("changed_type", "/a")]),
            ({"a": 1, "b": [], "d": 1}, [("new_member", "/d")]),
            ({"a": 1}, [("missing_member", "/b")]),
            ({"a": 1, "b": [{"c": 1}]}, [("changed_type", "/b/*/c")]),
            ({"a": 1, "b": [{"c": "x", "é/~": 1}]}, [("new_member", "/b/*/é~1~0")]),
            ("text", [("changed_type", "")]),
        ],
    )
    def test_are_told_with_their_path(self, value: Any, found: list[tuple[str, str]]) -> None:
        assert told(known({"a": 1, "b": [{"c": "x"}]}), value) == found

    def test_of_a_map_are_told_of_its_members_as_one(self) -> None:
        shape = known({f"user{number}": 1 for number in range(100)})
        assert told(shape, {"somebody": 2}) == []
        assert told(shape, {"somebody": "x"}) == [("changed_type", "/*")]
        assert told(known({"a": 1}), {f"user{number}": 1 for number in range(100)}) == [
            ("new_member", "/*"),
        ]

    @given(st.lists(TEXTS, max_size=4).map(tuple))
    def test_paths_are_read_as_they_were_written(self, path: tuple[str, ...]) -> None:
        assert path_of(pointer(path)) == path
