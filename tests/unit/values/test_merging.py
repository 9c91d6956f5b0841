"""Two edits of one object: what only one side changed stands, ties are told, bytes stay."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.values.edits import Unfit
from migration.values.merging import merge_members

OBJECTS = st.dictionaries(
    st.sampled_from(["a", "b", "c", "\u00e9", ""]),
    st.one_of(st.integers(), st.text(max_size=3), st.none(), st.lists(st.integers(), max_size=2)),
    max_size=4,
)
NESTED = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.one_of(st.integers(), OBJECTS), max_size=3)

DEEP = '{"a":' * 2_000 + "1" + "}" * 2_000


def merged(base: Any, held: Any, arriving: Any, *, arriving_wins: bool = True) -> Any:
    texts = [json.dumps(one, ensure_ascii=False) for one in (base, held, arriving)]
    return json.loads(merge_members(*texts, arriving_wins=arriving_wins).text)


class TestAMerge:
    @given(base=NESTED, edited=NESTED)
    def test_of_one_edit_is_that_edit(self, base: Any, edited: Any) -> None:
        assert merged(base, base, edited) == merged(base, edited, base) == merged(base, edited, edited) == edited

    @given(base=NESTED, one=NESTED, other=NESTED)
    def test_comes_to_the_same_whoever_arrives_first(self, base: Any, one: Any, other: Any) -> None:
        assert merged(base, one, other, arriving_wins=True) == merged(base, other, one, arriving_wins=False)

    @given(base=NESTED, held=NESTED, arriving=NESTED)
    def test_loses_no_member_only_one_side_changed(self, base: Any, held: Any, arriving: Any) -> None:
        whole = merged(base, held, arriving)
        for name in {*base, *held, *arriving}:
            if base.get(name, ...) == held.get(name, ...):
                assert whole.get(name, ...) == arriving.get(name, ...)
            elif base.get(name, ...) == arriving.get(name, ...):
                assert whole.get(name, ...) == held.get(name, ...)

    def test_counts_the_places_both_sides_changed(self) -> None:
        found = merge_members('{"a":1,"b":{"c":1}}', '{"a":2,"b":{"c":2}}', '{"a":3,"b":{"c":3}}', arriving_wins=False)
        assert (found.text, found.ties) == ('{"a":2,"b":{"c":2}}', 2)

    def test_keeps_every_byte_of_a_member(self) -> None:
        held = '{"n":1.50,"big":12345678901234567890,"e":"\\u00e9","zero":-0}'
        assert merge_members(held, held, held[:-1] + ',"x":1}', arriving_wins=True).text == held[:-1] + ',"x":1}'

    @pytest.mark.parametrize(
        "odd", ["[]", "1", '"a"', "", '{"a":1,"a":1}', '{"a":1e400}', '{"a":' * 2_000 + "1" + "}" * 2_000]
    )
    def test_is_refused_where_a_side_would_not_survive_it(self, odd: str) -> None:
        for place in range(3):
            sides = ["{}", "{}", "{}"]
            sides[place] = odd
            with pytest.raises(Unfit):
                merge_members(*sides, arriving_wins=True)
