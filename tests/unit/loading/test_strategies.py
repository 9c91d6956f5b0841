"""Which way records come in, and why: every choice names the bound that made it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.loading.strategies import AUTO, WISHES, Job, Strategy, choose, next_below


def test_many_new_records_are_copied() -> None:
    choice = choose(Job(records=10_000))

    assert choice.strategy is Strategy.COPY
    assert choice.reason == "10000 records, 100 % of them new: copied; one worker: 10000 records"


def test_a_few_go_with_the_statement() -> None:
    assert choose(Job(records=3)).strategy is Strategy.UPSERT


def test_some_over_others_go_with_the_statement_and_many_are_staged() -> None:
    assert choose(Job(records=500, updates=0.9)).strategy is Strategy.UPSERT
    assert choose(Job(records=5_000, updates=0.9)).strategy is Strategy.COPY


def test_a_far_database_gets_as_few_statements_as_can_be() -> None:
    choice = choose(Job(records=500, updates=0.9, latency_seconds=0.5))

    assert choice.strategy is Strategy.COPY
    assert "500 ms" in choice.reason


def test_several_workers_where_cores_pieces_and_size_allow_them() -> None:
    choice = choose(Job(records=1_000_000, pieces=6, cores=8), max_workers=4)

    assert (choice.strategy, choice.workers) == (Strategy.HYBRID, 4)
    assert "4 workers: no more are allowed" in choice.reason


@pytest.mark.parametrize(
    ("job", "because"),
    [
        (Job(records=1_000_000, pieces=1, cores=8), "1 pieces"),
        (Job(records=60_000, pieces=9, cores=8), "60000 records"),
        (Job(records=1_000_000, pieces=9, cores=2, busy=0.7), "0.2 of 2 cores free"),
    ],
    ids=["pieces", "records", "cores"],
)
def test_the_strictest_bound_wins_and_names_itself(job: Job, because: str) -> None:
    choice = choose(job, max_workers=8)

    assert choice.workers == 1
    assert choice.reason.endswith(f"one worker: {because}")


def test_a_wish_is_done_but_not_with_workers_that_have_nothing_to_do() -> None:
    assert choose(Job(records=10, pieces=2), wished="hybrid", max_workers=8).workers == 2
    assert choose(Job(records=1_000_000, pieces=9), wished="row", max_workers=8).workers == 1
    with pytest.raises(ValueError, match="fastest"):
        choose(Job(records=10), wished="fastest")


def test_the_ladder_ends_with_single_rows() -> None:
    assert [next_below(one) for one in (Strategy.COPY, Strategy.UPSERT, Strategy.ROW)] == [
        Strategy.UPSERT,
        Strategy.ROW,
        None,
    ]


@given(
    records=st.integers(0, 10**7),
    updates=st.floats(0, 1),
    pieces=st.integers(0, 100),
    cores=st.integers(1, 64),
    busy=st.floats(0, 1),
    latency=st.floats(0, 2),
    wished=st.sampled_from(WISHES),
    most=st.integers(1, 16),
)
def test_every_choice_is_within_its_bounds_and_has_a_reason(
    records: int, updates: float, pieces: int, cores: int, busy: float, latency: float, wished: str, most: int
) -> None:
    job = Job(records, updates, pieces, cores, busy, latency)

    choice = choose(job, wished=wished, max_workers=most)

    assert 1 <= choice.workers <= most
    assert choice.workers <= max(1, pieces)
    assert choice.reason
    assert (choice.workers > 1) <= (choice.strategy in (Strategy.PARALLEL, Strategy.HYBRID))
    if wished != AUTO:
        assert choice.strategy == wished
