"""Copy, upsert, row, quarantine: the same records come of every way, and what Postgres refuses blocks nothing else."""

from collections.abc import Iterator

import pytest
from django.utils import timezone

from migration.loading import LoadEngine, Strategy
from migration.models import Chunk, MigrationRun, Owner, QuarantineEntry
from tests.factories.held import records_of, values_of, versions_of
from tests.factories.loads import make_device, make_owner, make_run, put_chunk
from tests.factories.picky import refuse_bad, take_bad
from tests.factories.workers import Worker
from tests.integration.loading.test_merge import counters


@pytest.fixture
def picky(worker: Worker) -> Iterator[None]:
    """An installation whose own constraint on the records refuses some values."""
    refuse_bad()
    yield
    take_bad()


def _load(worker: Worker, owner: Owner, chunks: list[dict[str, str | None]], strategy: str = "auto") -> MigrationRun:
    run = make_run(make_device(owner))
    for seq, entries in enumerate(chunks, start=1):
        put_chunk(run, entries.items(), seq=seq)
    report = LoadEngine(strategy).load(worker.prepare(worker.claim()), at=timezone.now())
    assert report.reason
    return run


@pytest.mark.parametrize("strategy", list(Strategy))
def test_every_strategy_leaves_the_same_records(worker: Worker, strategy: Strategy) -> None:
    first: list[dict[str, str | None]] = [{"a": "1", "b": "two", "c": "x"}, {"b": "2", "c": None}]
    told = []
    for each in (Strategy.COPY, strategy):
        owner = make_owner()
        _load(worker, owner, first, each)
        run = _load(worker, owner, [{"a": "other", "b": "2", "d": '{"n":1}'}], each)
        told.append((values_of(owner), len(versions_of(owner)), Owner.objects.get(id=owner.id).revision, counters(run)))

    assert told[0] == told[1]
    assert told[1][0] | {"a": "?"} == {"a": "?", "b": "2", "c": None, "d": '{"n":1}'}


def test_what_is_refused_alone_goes_to_quarantine_and_the_rest_lands(worker: Worker, picky: None) -> None:
    owner = make_owner()
    entries: dict[str, str | None] = {f"k{n}": "bad" if n % 10 == 0 else str(n) for n in range(100)}

    run = _load(worker, owner, [entries])

    assert counters(run) == {"stored": 90, "quarantined": 10}
    assert values_of(owner) == {key: value for key, value in entries.items() if value != "bad"}
    assert sorted(row.revision for row in records_of(owner).values()) == list(range(1, 91)), "revisions stay gapless"
    kept = QuarantineEntry.objects.filter(run_id=run.id)
    assert {one.code for one in kept} == {"not_taken"}
    assert bytes(kept[0].line).startswith(b'["k')
    assert "constraint nothing_bad" in kept[0].detail
    assert "bad" not in kept[0].detail.replace("nothing_bad", ""), "Postgres quotes values; we do not"
    assert Chunk.objects.get(run_id=run.id).batch_strategy == "upsert"


def test_one_refused_entry_of_many_runs_is_its_own_run_s_matter(worker: Worker, picky: None) -> None:
    owners = [make_owner() for _ in range(3)]
    runs = [make_run(make_device(owner)) for owner in owners]
    for run, value in zip(runs, ("fine", "bad", "fine too"), strict=True):
        put_chunk(run, [("a", value), ("b", "1")], seq=1)

    worker.load_all()

    assert [counters(run) for run in runs] == [{"stored": 2}, {"stored": 1, "quarantined": 1}, {"stored": 2}]


def test_a_fault_that_is_not_the_records_is_raised_and_quarantines_nothing(worker: Worker, picky: None) -> None:
    owner = make_owner()
    run = make_run(make_device(owner))
    put_chunk(run, [("a", "bad"), ("b", "bad")], seq=1)

    worker.work()

    assert not QuarantineEntry.objects.filter(run_id=run.id).exists()
    assert Chunk.objects.get(run_id=run.id).attempts == 1, "it comes back alone"
    worker.work_until_done()
    assert counters(MigrationRun.objects.get(id=run.id)) == {"quarantined": 2}
