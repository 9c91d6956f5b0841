"""One app floods: its neighbours wait for as many batches as they would without it, or for one more.

What is large gives way to what is small, for a second: a batch takes as long as the largest chunk in it.
"""

from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from migration.lifecycle import Company, claim_verifications, give_verifications_back, haste
from migration.models import App, Chunk, MigrationRun
from migration.orchestration import work
from migration.states import ChunkState
from tests.factories.loads import make_app, make_device, make_owner, make_run, put_chunk
from tests.factories.runs import loaded_run
from tests.factories.uploads import todos
from tests.factories.workers import LEASE_SECONDS, Worker

NEIGHBOURS, FLOOD = 9, 60
BUDGET = {"chunks": 16, "entries": 200}


def _stored(app_count: int, chunks: int) -> set[int]:
    """Store so many chunks of ten entries for each of so many apps, each chunk an owner's own."""
    ids = set()
    for _ in range(app_count):
        app = make_app()
        for _ in range(chunks):
            run = make_run(make_device(make_owner(app)))
            ids.add(put_chunk(run, [(f"k{n}", "v") for n in range(10)], seq=1))
    return ids


def _batches_until_loaded(worker: Worker, wanted: set[int]) -> int:
    for batches in range(1, 100):
        worker.load(worker.claim(**BUDGET))
        if not Chunk.objects.filter(id__in=wanted).exclude(state=ChunkState.LOADED).exists():
            return batches
    raise AssertionError("they are never loaded")


def test_a_flood_delays_no_neighbour_by_more_than_twice(worker: Worker) -> None:
    alone = _batches_until_loaded(worker, _stored(NEIGHBOURS, 2))
    flood = _stored(1, FLOOD)
    neighbours = _stored(NEIGHBOURS, 2)

    beside = _batches_until_loaded(worker, neighbours)

    assert beside <= 2 * alone
    left = Chunk.objects.filter(id__in=flood).exclude(state=ChunkState.LOADED).count()
    assert left > FLOOD / 2, "the flood was there all the while"


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take more than five entries for many."""
    monkeypatch.setattr(haste, "SMALL_ENTRIES", 5)


def _put(entries: int) -> int:
    return put_chunk(make_run(), [(f"k{n}", "v") for n in range(entries)], seq=1)


@pytest.mark.usefixtures("few")
class TestALargeChunk:
    def test_is_not_in_a_batch_with_small_ones(self, worker: Worker) -> None:
        now = timezone.now()
        large, small = [_put(10), _put(20)], [_put(2), _put(5)]
        assert {claim.id for claim in worker.claim(at=now)} == set(small)
        assert {claim.id for claim in worker.claim(at=now)} == set(large)

    def test_waits_for_others_no_longer_than_a_second(self, worker: Worker) -> None:
        large, small = _put(10), _put(2)
        later = timezone.now() + timedelta(seconds=1.1)
        assert {claim.id for claim in worker.claim(at=later)} == {large, small}

    @pytest.mark.parametrize("seed", range(6))
    def test_never_leaves_a_claim_empty(self, worker: Worker, seed: int) -> None:
        """Whoever finds nothing goes to sleep."""
        chance = Random(seed)
        app = make_app()
        for _ in range(12):
            run = make_run(make_device(make_owner(chance.choice([app, None]))))
            for seq in range(1, chance.randint(2, 4)):
                put_chunk(run, [(f"{seq}-{n}", "v") for n in range(chance.choice([1, 5, 6, 30]))], seq=seq)
        worker.load_all(chunks=chance.choice([3, 16]), entries=chance.choice([1, 10, 60]))
        assert set(Chunk.objects.values_list("state", flat=True)) == {ChunkState.LOADED}


@pytest.mark.usefixtures("few")
class TestLargeChunksOfOneApp:
    """Two workers; a second one is a row here, for a test has one connection."""

    def put(self) -> tuple[App, list[int]]:
        app = make_app()
        runs = [make_run(make_device(make_owner(app))) for _ in range(2)]
        return app, [put_chunk(run, [(f"k{n}", "v") for n in range(10)], seq=1) for run in runs]

    def claimed_beside(self, worker: Worker, *, about: list[App], seconds: float = 0.0) -> set[int]:
        """Claim one large chunk as another worker, then what is left as this one."""
        now = timezone.now() + timedelta(seconds=2)
        [first] = worker.claim(at=now, chunks=1)
        Chunk.objects.filter(id=first.id).update(holder=worker.number + 1)
        later = now + timedelta(seconds=seconds)
        return {claim.id for claim in worker.claim(at=later, about=[one.id for one in about])}

    def test_are_loaded_by_one_worker_at_a_time_while_other_apps_are_about(self, worker: Worker) -> None:
        app, _ = self.put()
        small = _put(2)
        assert self.claimed_beside(worker, about=[app, make_app()]) == {small}
        assert worker.claim(about=[app.id, make_app().id]) == []

    def test_are_loaded_by_all_while_no_other_is(self, worker: Worker) -> None:
        app, chunks = self.put()
        assert self.claimed_beside(worker, about=[app]) == {*chunks[1:]}

    def test_do_not_wait_for_a_worker_that_does_not_end(self, worker: Worker) -> None:
        app, chunks = self.put()
        assert self.claimed_beside(worker, about=[app, make_app()], seconds=LEASE_SECONDS + 1) == {*chunks[1:]}

    def test_do_not_keep_another_apps_back(self, worker: Worker) -> None:
        (app, _), (other, chunks) = self.put(), self.put()
        assert self.claimed_beside(worker, about=[app, other]) == {*chunks}


def test_an_app_is_about_for_ten_seconds() -> None:
    company, (one, other), now = Company(), (uuid4(), uuid4()), timezone.now()
    company.saw([(one, 1), (other, 1)], at=now)
    company.saw([(other, 1)], at=now + timedelta(seconds=5))
    assert company.about(now + timedelta(seconds=9)) == [one, other]
    assert company.about(now + timedelta(seconds=10)) == [other]


def test_less_is_taken_at_once_while_several_apps_are_about() -> None:
    company, now = Company(), timezone.now()
    company.saw([(uuid4(), 1)], at=now)
    assert company.most(5_000, at=now) == 5_000
    company.saw([(uuid4(), 1)], at=now)
    assert [company.most(entries, at=now) for entries in (5_000, 200)] == [1_000, 200]


class TestRest:
    """Of a worker, after something large, while several apps are about."""

    def company(self, *, large: bool, now: datetime, apps: int = 2) -> Company:
        company = Company()
        company.saw([(uuid4(), 1_001 if large else 1_000) for _ in range(apps)], at=now)
        return company

    @pytest.mark.parametrize(("took", "rest"), [(0.1, 0.3), (0.3, 0.9), (60.0, 1.0)])
    def test_is_three_times_as_long_as_what_it_follows_and_a_second_at_most(self, took: float, rest: float) -> None:
        begun = timezone.now()
        company, ended = self.company(large=True, now=begun), begun + timedelta(seconds=took)
        company.rest(ended)
        assert company.rests(ended + timedelta(seconds=rest - 0.01))
        assert not company.rests(ended + timedelta(seconds=rest))

    def test_is_only_for_what_is_large_and_beside_others(self) -> None:
        now = timezone.now()
        assert self.company(large=True, now=now).deserves_rest(now)
        assert not self.company(large=False, now=now).deserves_rest(now)
        assert not self.company(large=True, now=now, apps=1).deserves_rest(now)
        assert not Company().rests(now)

    def test_is_over_when_the_next_round_had_nothing_large(self) -> None:
        now = timezone.now()
        company = self.company(large=True, now=now)
        company.saw([(uuid4(), 1)], at=now)
        assert not company.deserves_rest(now)

    @pytest.mark.usefixtures("few")
    def test_leaves_large_chunks_alone(self, worker: Worker) -> None:
        _, small = _put(10), _put(2)
        later = timezone.now() + timedelta(seconds=2)
        assert {claim.id for claim in worker.claim(at=later, rests=True)} == {small}

    @pytest.mark.usefixtures("few")
    def test_leaves_large_runs_alone(self, worker: Worker) -> None:
        large, small = loaded_run(worker, todos(10)), loaded_run(worker, todos(2))
        later = timezone.now() + timedelta(seconds=2)
        claimed = claim_verifications(most=32, most_entries=100, at=later, rests=True)
        give_verifications_back(list(claimed), forgive=True)
        assert (small.id in claimed, large.id in claimed) == (True, False)

    @pytest.mark.usefixtures("few")
    @pytest.mark.parametrize("share", [1.0, 0.0], ids=["short", "plenty"])
    def test_is_taken_where_processors_are_short_and_leaves_nothing_behind(
        self, worker: Worker, settings: Any, monkeypatch: pytest.MonkeyPatch, share: float
    ) -> None:
        rested = []
        settings.MIGRATION = {**settings.MIGRATION, "BATCH_CHUNKS": "1"}
        monkeypatch.setattr(work, "_company", Company())
        monkeypatch.setattr(work, "cpu_share", lambda: share)
        monkeypatch.setattr(Company, "rest", lambda self, at, rest=Company.rest: rested.append(at) or rest(self, at))
        _stored(2, 2)

        worker.work_until_done()

        assert set(Chunk.objects.values_list("state", flat=True)) == {ChunkState.LOADED}
        assert bool(rested) == (share == 1.0)


@pytest.mark.usefixtures("few")
def test_a_large_run_is_verified_after_small_ones_for_a_second(worker: Worker) -> None:
    large, small = loaded_run(worker, todos(10)), loaded_run(worker, todos(2))
    now = timezone.now()
    MigrationRun.objects.filter(id=large.id).update(sealed_at=now - timedelta(seconds=0.5))
    MigrationRun.objects.filter(id=small.id).update(sealed_at=now)
    assert _first_claimed(at=now) == small.id
    assert _first_claimed(at=now + timedelta(seconds=1)) == large.id


def _first_claimed(*, at: datetime) -> UUID:
    [claimed] = claim_verifications(most=32, most_entries=1, at=at)
    give_verifications_back([claimed], forgive=True)
    return claimed
