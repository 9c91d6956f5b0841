"""An edit of one value, made to others: exactly that, and not a byte more."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.values.edits import Change, Unfit, apply, derive

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(), JSON, max_size=5)


def text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


class TestDerive:
    def test_names_the_members_that_differ(self) -> None:
        found = derive('{"a":1,"b":{"c":"x","d":2},"e":3}', '{"a":1,"b":{"c":"y","d":2},"f":4}')
        assert found == [
            Change("replace", "/b/c", '"y"'),
            Change("remove", "/e"),
            Change("add", "/f", "4"),
        ]

    def test_takes_an_array_as_one_thing(self) -> None:
        assert derive('{"a":[1,2]}', '{"a":[1,3]}') == [Change("replace", "/a", "[1,3]")]

    @pytest.mark.parametrize("other", ["[1]", '"text"', "plain", "", "{", '{"a":1,"a":2}', '{"a":NaN}'])
    def test_knows_objects_only(self, other: str) -> None:
        with pytest.raises(Unfit):
            derive('{"a":1}', other)

    @given(before=OBJECTS, after=OBJECTS)
    def test_leads_from_one_value_to_the_other(self, before: dict[str, object], after: dict[str, object]) -> None:
        found = derive(text(before), text(after))
        assert json.loads(apply(found, text(before))) == after


class TestApply:
    def test_keeps_every_byte_it_was_not_asked_to_change(self) -> None:
        value = '{"n":[1e400,-0,12345678901234567890, 1.10],"done":"no","~/":1}'
        changed = apply([Change("replace", "/done", "false"), Change("remove", "/~0~1")], value)
        assert changed == '{"n":[1e400,-0,12345678901234567890, 1.10],"done":false}'

    @pytest.mark.parametrize(
        ("change", "value"),
        [
            (Change("replace", "/a", "1"), '{"b":1}'),
            (Change("remove", "/a"), "{}"),
            (Change("add", "/a/b", "1"), '{"a":[1]}'),
            (Change("add", "/a/b", "1"), "{}"),
            (Change("add", "/b", "1"), '{"a":1,"a":2}'),
            (Change("add", "/b", "1"), "no object"),
            (Change("add", "/b", "1"), '{"a":"\ud800"}'),
            (Change("add", "/b", "1"), "[" * 5_000),
        ],
    )
    def test_leaves_alone_what_it_does_not_fit(self, change: Change, value: str) -> None:
        with pytest.raises(Unfit):
            apply([change], value)
