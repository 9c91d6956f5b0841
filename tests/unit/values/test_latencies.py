"""Histograms of latencies: a quantile is never below the true one and at most a fifth above it, however summed."""

from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from migration.values.latencies import PLACES, merged, place_of, quantile, upper_ms

Latencies = st.lists(st.integers(0, 10_000_000), min_size=1, max_size=20)


def histogram(samples: list[int]) -> dict[int, int]:
    return merged({place_of(one): 1} for one in samples)


@given(Latencies, st.sampled_from([0.01, 0.5, 0.9, 0.99, 1.0]))
def test_a_quantile_is_the_true_one_or_at_most_a_fifth_more(samples: list[int], share: float) -> None:
    found = quantile(histogram(samples), share)
    true = sorted(samples)[max(1, ceil(share * len(samples))) - 1]
    assert found is not None
    assert true <= found * 1.000001
    assert found <= max(1.0, true * 2**0.25) * 1.000001


@given(Latencies, Latencies)
def test_parts_may_be_added_in_any_order(one: list[int], other: list[int]) -> None:
    assert merged([histogram(one), histogram(other)]) == histogram(other + one)


def test_of_nothing_there_is_no_quantile() -> None:
    assert quantile({}, 0.99) is None


def test_the_last_place_takes_what_is_longer() -> None:
    assert place_of(1e300) == PLACES - 1
    assert upper_ms(0) == 1.0
