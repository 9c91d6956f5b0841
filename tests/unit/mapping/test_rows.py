"""A row holds slices of the line it came from, and they are what encoding anew would give."""

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from migration.mapping import DataMapper, all_in, map_rows
from migration.values.forms import LITERAL, VERBATIM, form_of
from migration.values.lines import Line, Lines, decode_line, encode_line, key_literal_of, literal

awkward = st.sampled_from([*'"\\,[]{}:', "\x00", "\n", "\ud800", "\udfff", "é", "\U0001f600"])
texts = st.lists(st.one_of(awkward, st.characters(codec=None)), max_size=20).map(
    lambda parts: "".join(parts).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
)


def line(key: str, value: str | None) -> Line:
    return decode_line(encode_line(key, value))


class TestRows:
    @given(texts, st.one_of(st.none(), texts))
    def test_hold_what_encoding_anew_would_give(self, key: str, value: str | None) -> None:
        row = map_rows(Lines.of([line(key, value)]), label_all=all_in("c"))[0]
        assert row.key_json == literal(key)
        assert row.key_hash == sha256(literal(key)).digest()
        assert row.fingerprint == sha256(encode_line(key, value)).digest()
        if value is None:
            assert (row.value, row.queryable) == (None, False)
        elif row.form == LITERAL:
            assert row.value == literal(value)
        else:
            assert row.value == value.encode()
        if value is not None:
            assert (row.form, row.queryable) == (form_of(value).form, form_of(value).queryable)

    @given(texts, st.one_of(st.none(), texts))
    def test_find_the_key_of_a_line_without_decoding_it(self, key: str, value: str | None) -> None:
        assert key_literal_of(encode_line(key, value)) == literal(key)

    def test_keep_hello_and_quoted_hello_apart(self) -> None:
        plain, quoted = map_rows(Lines.of([line("a", "hello"), line("b", '"hello"')]), label_all=all_in("c"))
        assert (plain.form, quoted.form) == (LITERAL, VERBATIM)
        assert plain.value == quoted.value == b'"hello"'

    def test_count_from_where_the_span_begins_and_leave_out_the_refused(self) -> None:
        lines = Lines.of(line(str(number), "v") for number in range(5))
        rows = DataMapper(label_all=lambda keys: [f"of {key}" for key in keys]).rows(
            lines, first=10, skip=frozenset({11, 14})
        )
        assert [(row.ordinal, row.collection) for row in rows] == [(10, "of 0"), (12, "of 2"), (13, "of 3")]
