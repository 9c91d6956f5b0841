"""Sealed bytes open only whole, in their place, and under a key we hold."""

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from migration.errors import BackupUnreadable
from migration.values.envelopes import Envelope, chunk_binding, rewrap, seal, unseal

KEY, OTHER = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@given(st.binary(max_size=200), st.text(max_size=20))
def test_opens_what_it_sealed(plain, bound_to):
    assert unseal(seal(plain, bound_to=bound_to, keys=[KEY]), bound_to=bound_to, keys=[KEY]) == plain


def test_no_two_are_alike():
    one, other = (seal(b"same", bound_to="x", keys=[KEY]) for _ in range(2))
    assert one.sealed != other.sealed
    assert b"same" not in one.sealed


def test_a_changed_bit_anywhere_is_noticed():
    envelope = seal(b"some bytes", bound_to="x", keys=[KEY])
    for place in range(len(envelope.sealed)):
        damaged = bytearray(envelope.sealed)
        damaged[place] ^= 1
        with pytest.raises(BackupUnreadable):
            unseal(Envelope(bytes(damaged), envelope.wrapped_key), bound_to="x", keys=[KEY])


@pytest.mark.parametrize("length", [0, 1, 11, 12, 27])
def test_a_cut_one_is_noticed(length):
    envelope = seal(b"some bytes", bound_to="x", keys=[KEY])
    with pytest.raises(BackupUnreadable):
        unseal(Envelope(envelope.sealed[:length], envelope.wrapped_key), bound_to="x", keys=[KEY])


def test_another_place_does_not_open_it():
    ids = {"app_id": "a", "owner_id": "o", "run_id": "r", "seq": 1, "sha256": bytes(32)}
    envelope = seal(b"x", bound_to=chunk_binding(**ids), keys=[KEY])
    for name, other in {**dict.fromkeys(ids, 2), "sha256": bytes(31) + b"x"}.items():
        with pytest.raises(BackupUnreadable):
            unseal(envelope, bound_to=chunk_binding(**{**ids, name: other}), keys=[KEY])


def test_another_key_does_not_open_it():
    with pytest.raises(BackupUnreadable):
        unseal(seal(b"x", bound_to="x", keys=[KEY]), bound_to="x", keys=[OTHER])


def test_rotation_rewraps_the_key_and_leaves_the_bytes():
    old = seal(b"x", bound_to="x", keys=[KEY])
    new = rewrap(old, keys=[OTHER, KEY])
    assert new.sealed == old.sealed
    assert unseal(new, bound_to="x", keys=[OTHER]) == b"x"
    with pytest.raises(BackupUnreadable):
        rewrap(old, keys=[OTHER])
