"""Chunks of one device may arrive, and be loaded, in any order: the end is the same."""

import itertools
import random

import pytest

from migration.models import Chunk, Owner
from migration.states import ChunkState
from tests.factories.held import losers_of, records_of, values_of, versions_of
from tests.factories.loads import make_app, make_device, make_owner, make_run, put_chunk

# seq → entries. k0 is written by all, k1 returns to what it was, k2 is deleted and written again, k3 is deleted.
FIVE = {
    1: [("k0", "a"), ("k1", "same"), ("k2", "x"), ("only 1", "1")],
    2: [("k0", "b"), ("k1", "other"), ("k3", "x")],
    3: [("k0", "c"), ("k1", "same"), ("k2", None)],
    4: [("k0", "d"), ("k2", "y"), ("k2", "z")],
    5: [("k0", "e"), ("k3", None), ("only 5", "5")],
}
END = {"k0": "e", "k1": "same", "k2": "z", "k3": None, "only 1": "1", "only 5": "5"}


def _load_in(orders, worker, content, *, at_once: int, **budget: int) -> list[Owner]:
    """Let an owner's chunks arrive in each of `orders`, so many of each between two rounds of loading."""
    app = make_app()
    owners = [make_owner(app) for _ in orders]
    runs = [make_run(make_device(owner)) for owner in owners]
    for start in range(0, len(content), at_once):
        for run, order in zip(runs, orders, strict=True):
            for seq in order[start : start + at_once]:
                put_chunk(run, content[seq], seq=seq)
        worker.load_all(**budget)
    return owners


def _is_whole(owner: Owner) -> None:
    top = Owner.objects.get(id=owner.id).revision
    every = [*records_of(owner).values(), *versions_of(owner)]
    assert sorted(one.revision for one in every) == list(range(1, top + 1))
    assert losers_of(owner) == []


class TestFiveChunks:
    def test_end_alike_in_every_order(self, worker):
        orders = list(itertools.permutations(FIVE))
        for owner, order in zip(_load_in(orders, worker, FIVE, at_once=1), orders, strict=True):
            assert values_of(owner) == END, order
            _is_whole(owner)

    @pytest.mark.parametrize("at_once", [2, 3, 5])
    def test_end_alike_when_some_meet_in_one_batch(self, worker, at_once):
        orders = random.Random(at_once).sample(list(itertools.permutations(FIVE)), 20)
        for owner, order in zip(_load_in(orders, worker, FIVE, at_once=at_once), orders, strict=True):
            assert values_of(owner) == END, order
            _is_whole(owner)


@pytest.mark.parametrize(
    ("seed", "at_once", "chunks", "count"),
    [
        (1, 2, 64, 15),
        (2, 5, 7, 15),
        (3, 7, 200, 15),
        (4, 20, 64, 15),
        pytest.param(5, 2, 64, 500, marks=[pytest.mark.soak, pytest.mark.timeout(3_600)]),
        pytest.param(6, 5, 7, 500, marks=[pytest.mark.soak, pytest.mark.timeout(3_600)]),
    ],
)
def test_twenty_chunks_end_alike_in_random_orders(worker, seed, at_once, chunks, count):
    """So many orders side by side; a few chunks of each arrive before each round, in batches of several sizes."""
    choice = random.Random(seed)
    twenty = {
        seq: [(f"k{choice.randrange(12)}", choice.choice(["p", "q", None])) for _ in range(3)] for seq in range(1, 21)
    }
    end = {key: value for seq in sorted(twenty) for key, value in twenty[seq]}
    orders = [choice.sample(sorted(twenty), 20) for _ in range(count)]
    for owner, order in zip(_load_in(orders, worker, twenty, at_once=at_once, chunks=chunks), orders, strict=True):
        assert values_of(owner) == end, order
        _is_whole(owner)


def test_the_same_chunk_loaded_again_changes_nothing(worker):
    owner = make_owner()
    run = make_run(make_device(owner))
    for seq, entries in FIVE.items():
        put_chunk(run, entries, seq=seq)
    worker.load_all()
    before = (records_of(owner), versions_of(owner))
    Chunk.objects.filter(run_id=run.id).update(state=ChunkState.STORED, next_ordinal=0)
    worker.load_all(chunks=1)

    assert (records_of(owner), versions_of(owner)) == before
