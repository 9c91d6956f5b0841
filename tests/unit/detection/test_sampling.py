"""Evenly spaced entries are the same ones however the span is cut."""

from hypothesis import given
from hypothesis import strategies as st

from migration.detection import Thinned
from migration.values.lines import Lines, decode_line, encode_line


@given(st.integers(0, 60), st.integers(1, 20), st.lists(st.integers(1, 30), max_size=8))
def test_thinned_slices_are_the_thinned_whole(entries: int, wanted: int, cuts: list[int]) -> None:
    whole = Lines.of(decode_line(encode_line(str(number), "v")) for number in range(entries))
    thinned, at = Thinned(entries, wanted), 0
    for length in [*cuts, entries]:
        thinned.take(whole[at : at + length])
        at += length
    assert list(thinned.lines) == list(whole[:: thinned.step])
    assert len(thinned.lines) <= wanted
