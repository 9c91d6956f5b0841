"""How a value is kept: verbatim only where Postgres' json takes it, queryable only where `->>` can read it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.values.forms import DELETED, LITERAL, MAX_DEPTH, VERBATIM, form_of, form_of_encoded, forms_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


class TestForm:
    @pytest.mark.parametrize(
        "value",
        ["1", "-0", "1e400", "1.10e2", "12345678901234567890", "null", "true", '""', " [1] ", '{"a":1,"a":2}', '"é"'],
    )
    def test_is_verbatim_for_json_of_any_spelling(self, value):
        assert (form_of(value).form, form_of(value).queryable) == (VERBATIM, True)

    @pytest.mark.parametrize("value", ['"\\u0000"', '{"a":"\\ud800"}', '["\\udc00\\ud800"]', '{"\\u0000":1}'])
    def test_is_verbatim_but_not_queryable_where_an_escape_is_no_text(self, value):
        assert (form_of(value).form, form_of(value).queryable) == (VERBATIM, False)

    @pytest.mark.parametrize("value", ['"\\\\u0000"', '"\\ud83d\\ude00"', '"\\u0041"', '"\\\\ud800"'])
    def test_is_queryable_where_an_escape_only_looks_so(self, value):
        assert (form_of(value).form, form_of(value).queryable) == (VERBATIM, True)

    @pytest.mark.parametrize(
        "value",
        ["", "hello", "NaN", "Infinity", "{broken", "01", "1.", "'a'", "\ufeff1",
         "\x00", "\ud800", '"\ud800"', "[1,]", '"a\tb"'],
    )  # fmt: skip
    def test_is_literal_for_everything_else(self, value):
        assert form_of(value).form == LITERAL

    @given(JSON)
    def test_is_verbatim_for_whatever_json_dumps_writes(self, value):
        assert form_of(json.dumps(value)).form == VERBATIM
        assert form_of(json.dumps(value, ensure_ascii=False)).form in (VERBATIM, LITERAL)

    @given(st.binary(max_size=40))
    def test_never_raises(self, raw):
        text = raw.decode("utf-16-le", "replace")
        assert form_of(text).form in (VERBATIM, LITERAL)

    @given(st.text(max_size=40))
    def test_is_the_same_for_text_and_its_encoding(self, text):
        assert form_of(text) == form_of_encoded(text.encode())


# What is JSON, what is not, and what is only once it stands beside others in a list.
SHARDS = st.sampled_from(
    [
        *("1", '"a"', "[1]", '{"a":1}', "", ",", "[", "]", '"', '"a,', 'b"', " 1", "1 ", "1,2", "null", "x", "1e400"),
        *(r'"\u0000"', r'"\n"', "[" * 129 + "]" * 129, "[" + "[]," * 200 + "1]", '{"a":' * 129 + "1" + "}" * 129),
    ]
)


class TestMany:
    @given(st.lists(st.one_of(st.none(), SHARDS, st.text(max_size=10)), max_size=12))
    def test_have_the_forms_each_has_alone(self, values):
        encoded = [None if value is None else value.encode() for value in values]
        alone = [DELETED if value is None else form_of_encoded(value) for value in encoded]
        assert forms_of(encoded) == alone


class TestDepth:
    @pytest.mark.parametrize(
        ("depth", "form"), [(1, VERBATIM), (MAX_DEPTH, VERBATIM), (MAX_DEPTH + 1, LITERAL), (100_000, LITERAL)]
    )
    @pytest.mark.parametrize("brackets", ["[]", "{}"])
    def test_beyond_the_limit_is_literal(self, depth, form, brackets):
        opening = "[" if brackets == "[]" else '{"a":'
        value = opening * depth + "1" + brackets[1] * depth
        assert form_of(value).form == form

    def test_counts_no_brackets_inside_strings(self):
        assert form_of('["' + "[{" * 500 + '\\"' + "[" * 500 + '"]').form == VERBATIM

    def test_counts_depth_and_not_number(self):
        assert form_of("[" + ",".join(["[]"] * 1_000) + "]").form == VERBATIM
