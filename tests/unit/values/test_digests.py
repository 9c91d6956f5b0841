"""Digests do not depend on order, and travel unharmed."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.values.digests import bucket_of, fingerprint, from_wire, key_hash, set_digest, to_wire

MARKS = st.lists(st.binary(min_size=32, max_size=32), max_size=8)


@given(MARKS, st.randoms())
def test_set_digest_does_not_depend_on_order(marks, randomness):
    shuffled = list(marks)
    randomness.shuffle(shuffled)
    assert set_digest(shuffled) == set_digest(marks)


@given(MARKS, st.binary(min_size=32, max_size=32))
def test_set_digest_tells_one_more(marks, more):
    assert set_digest([*marks, more]) != set_digest(marks)


def test_set_digest_of_nothing_is_the_hash_of_nothing():
    assert set_digest([]) == hashlib.sha256().digest()


@given(st.binary(min_size=32, max_size=32))
def test_wire_form_comes_back(raw):
    text = to_wire(raw)
    assert len(text) == 43
    assert from_wire(text) == raw


@pytest.mark.parametrize(
    "text", ["", "a", "A" * 42, "A" * 44, "A" * 42 + "B", "=" * 43, "A" * 42 + "=", "!" * 43, "é" * 43]
)
def test_wire_form_refuses_anything_else(text):
    with pytest.raises(ValueError, match=r".*"):
        from_wire(text)


def test_bucket_is_the_first_byte():
    assert bucket_of(b"\x0a" + bytes(31)) == "0a"
    assert fingerprint(b"x") == key_hash(b"x") == hashlib.sha256(b"x").digest()
