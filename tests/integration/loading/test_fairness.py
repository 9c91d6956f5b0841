"""One app floods: its neighbours wait for as many batches as they would without it, or for one more."""

from migration.models import Chunk
from migration.states import ChunkState
from tests.factories.loads import make_app, make_device, make_owner, make_run, put_chunk
from tests.factories.workers import Worker

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
