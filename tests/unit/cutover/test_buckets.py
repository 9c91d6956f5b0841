"""Owners fall into buckets evenly, for good, and differently in each app."""

import itertools
from uuid import UUID

import pytest

from migration.cutover.buckets import BUCKETS, bucket_of, is_within

SALT, OTHER = UUID(int=7), UUID(int=8)
GOLDEN = [8909, 5545, 1328]
OWNERS = [UUID(int=number * 0x9E3779B97F4A7C15) for number in range(100_000)]


@pytest.fixture(scope="module")
def buckets() -> list[int]:
    return [bucket_of(owner_id=owner, salt=SALT) for owner in OWNERS]


class TestBuckets:
    @pytest.mark.parametrize("percentage", [0, 100, 500, 2_500, 5_000, 9_999, 10_000])
    def test_hold_the_target_within_one_percent_of_the_owners(self, buckets: list[int], percentage: int) -> None:
        served = sum(is_within(bucket, percentage) for bucket in buckets)
        assert abs(served - len(OWNERS) * percentage / BUCKETS) <= len(OWNERS) / 100

    def test_move_nobody_back_when_the_percentage_rises(self, buckets: list[int]) -> None:
        steps = [0, 1, 100, 500, 2_500, 5_000, 9_999, 10_000]
        served = [{owner for owner, bucket in zip(OWNERS, buckets, strict=True) if is_within(bucket, p)} for p in steps]
        assert all(fewer <= more for fewer, more in itertools.pairwise(served))
        assert (len(served[0]), len(served[-1])) == (0, len(OWNERS))

    def test_are_the_same_in_every_process_and_release(self) -> None:
        assert [bucket_of(owner_id=owner, salt=SALT) for owner in OWNERS[:3]] == GOLDEN

    def test_differ_from_app_to_app(self, buckets: list[int]) -> None:
        elsewhere = [bucket_of(owner_id=owner, salt=OTHER) for owner in OWNERS[:1_000]]
        assert sum(a == b for a, b in zip(buckets, elsewhere, strict=False)) < 10
