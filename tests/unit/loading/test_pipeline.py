"""Phases overlap, hold no more than their queues, hand errors on, and end when nobody listens."""

import threading
from collections.abc import Iterator

import pytest

from migration.loading import MigrationPipeline


def doubled(given: Iterator[int]) -> Iterator[int]:
    for one in given:
        yield one * 2


def failing(given: Iterator[int]) -> Iterator[int]:
    for one in given:
        if one == 3:
            raise ValueError("three")
        yield one


class TestMigrationPipeline:
    def test_hands_all_through_all_phases_in_order(self) -> None:
        assert list(MigrationPipeline(doubled, doubled).run(range(1000))) == [one * 4 for one in range(1000)]

    def test_reads_no_further_ahead_than_its_queues_hold(self) -> None:
        read: list[int] = []

        def source() -> Iterator[int]:
            for one in range(1000):
                read.append(one)
                yield one

        stream = MigrationPipeline(doubled, doubled, depth=2).run(source())
        next(stream)
        stream.close()
        assert len(read) <= 10

    def test_raises_what_a_phase_raised_behind_what_came_before_it(self) -> None:
        stream = MigrationPipeline(failing, doubled).run(range(10))
        got = [next(stream) for _ in range(3)]
        with pytest.raises(ValueError, match="three"):
            next(stream)
        assert got == [0, 2, 4]

    def test_leaves_no_thread_behind(self) -> None:
        before = set(threading.enumerate())
        stream = MigrationPipeline(doubled, doubled).run(iter(range(10**9)))
        next(stream)
        stream.close()
        assert not set(threading.enumerate()) - before
