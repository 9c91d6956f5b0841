"""One bad entry blocks nothing: refused by rule, or found by bisection and set aside; checkpoints on the way."""

import pytest

from migration.lifecycle import release_chunks
from migration.models import App, Chunk, MigrationRun
from migration.orchestration import pipeline
from migration.states import ChunkState, RunState
from tests.factories.held import quarantined_of, values_of
from tests.factories.loads import make_app, make_device, make_owner, make_run, put_chunk
from tests.integration.loading.test_merge import counters


def _entries(count: int) -> list[tuple[str, str]]:
    return [(f"k{number}", f"v{number}") for number in range(count)]


class Killed(BaseException):
    """A worker's death: nothing of ours may catch it."""


@pytest.fixture
def poisonous(monkeypatch):
    """Make entries with these keys fail, by an exception or by the death of whoever reads them."""

    def arm(error: type[BaseException], *keys: str) -> None:
        add = pipeline._add

        def add_or_fail(part, lines, plan, *, first):
            if any(line.key in keys for line in lines):
                raise error("as it happens")
            add(part, lines, plan, first=first)

        monkeypatch.setattr(pipeline, "_add", add_or_fail)

    return arm


def _work(worker, sweep_after_death, rounds: int = 200) -> int:
    """Work until nothing waits; return how often a worker died."""
    deaths = 0
    for _ in range(rounds):
        try:
            if not worker.work():
                return deaths
        except Killed:
            deaths += 1
            sweep_after_death()
    raise AssertionError("it never ends")


@pytest.fixture
def sweep_after_death():
    """What the sweeper does once a worker's connection is gone."""

    def release() -> None:
        Chunk.objects.filter(state=ChunkState.CLAIMED).update(state=ChunkState.STORED, holder=None, lease_until=None)

    return release


class TestPoison:
    @pytest.mark.parametrize("error", [RuntimeError, Killed], ids=["raises", "kills"])
    @pytest.mark.parametrize("place", [0, 1, 49, 50, 98, 99])
    def test_alone_is_set_aside_wherever_it_stands(self, worker, poisonous, sweep_after_death, error, place):
        owner = make_owner()
        run = make_run(make_device(owner))
        put_chunk(run, _entries(100), seq=1)
        poisonous(error, f"k{place}")

        deaths = _work(worker, sweep_after_death)

        assert quarantined_of(owner) == [(place, "poison", f'["k{place}","v{place}"]'.encode())]
        assert values_of(owner) == {key: value for key, value in _entries(100) if key != f"k{place}"}
        assert counters(run) == {"stored": 99, "quarantined": 1}
        assert deaths <= (9 if error is Killed else 0)

    def test_of_several_in_a_chunk_are_all_found(self, worker, poisonous, sweep_after_death):
        owner = make_owner()
        put_chunk(make_run(make_device(owner)), _entries(60), seq=1)
        poisonous(Killed, "k7", "k8", "k59")

        _work(worker, sweep_after_death)

        assert [ordinal for ordinal, _, _ in quarantined_of(owner)] == [7, 8, 59]
        assert len(values_of(owner)) == 57

    def test_does_not_keep_other_chunks_waiting(self, worker, poisonous, sweep_after_death):
        sick, sound = make_owner(), make_owner()
        put_chunk(make_run(make_device(sick)), _entries(30), seq=1)
        sound_run = make_run(make_device(sound))
        poisonous(RuntimeError, "k29")
        worker.work()
        put_chunk(sound_run, [("a", "1")], seq=1)

        _work(worker, sweep_after_death)

        assert values_of(sound) == {"a": "1"}
        assert len(values_of(sick)) == 29

    def test_is_forgiven_when_it_fails_once(self, worker, monkeypatch):
        owner = make_owner()
        put_chunk(make_run(make_device(owner)), _entries(10), seq=1)
        monkeypatch.setattr(pipeline, "_fill", _fails_times(1, pipeline._fill))

        worker.work_until_done()

        assert quarantined_of(owner) == []
        assert len(values_of(owner)) == 10


def _fails_times(times: int, fill):
    left = [times]

    def fill_or_fail(part, span, plan):
        if left[0]:
            left[0] -= 1
            raise RuntimeError("once")
        fill(part, span, plan)

    return fill_or_fail


class TestRefusal:
    def test_of_one_in_a_thousand_lets_the_rest_land(self, worker):
        owner = make_owner(make_app(max_entry_bytes=100))
        run = make_run(make_device(owner))
        entries = [*_entries(500), ("big", "x" * 200), *((f"l{number}", "v") for number in range(499))]
        put_chunk(run, entries, seq=1)

        worker.work_until_done()

        assert counters(run) == {"stored": 999, "quarantined": 1}
        [(ordinal, code, line)] = quarantined_of(owner)
        assert (ordinal, code, line) == (500, "entry_too_large", b'["big","' + b"x" * 200 + b'"]')

    def test_is_written_once_though_its_chunk_is_loaded_twice(self, worker):
        owner = make_owner(make_app(max_entry_bytes=50))
        run = make_run(make_device(owner))
        chunk = put_chunk(run, [("a", "1"), ("big", "x" * 100)], seq=1)
        worker.load_all()
        Chunk.objects.filter(id=chunk).update(state=ChunkState.STORED, next_ordinal=0)
        worker.load_all()

        assert len(quarantined_of(owner)) == 1

    def test_stops_a_run_that_does_not_want_to_go_on(self, worker):
        owner = make_owner(make_app(max_entry_bytes=50))
        run = make_run(make_device(owner), options={"continueOnError": False})
        put_chunk(run, [("a", "1"), ("big", "x" * 100)], seq=1)

        worker.work()

        run.refresh_from_db()
        assert (run.state, run.failure_code) == (RunState.FAILED, "entry_refused")
        assert run.errors[-1]["code"] == "entry_refused"

    def test_of_a_damaged_backup_fails_its_run_alone(self, worker):
        broken, sound = make_run(), make_run()
        chunk = put_chunk(broken, _entries(3), seq=1)
        put_chunk(sound, _entries(3), seq=1)
        sealed = bytes(Chunk.objects.get(id=chunk).sealed_payload)
        Chunk.objects.filter(id=chunk).update(sealed_payload=sealed[:-1] + bytes([sealed[-1] ^ 1]))

        worker.work()

        broken.refresh_from_db()
        assert (broken.state, broken.failure_code) == (RunState.FAILED, "backup_unreadable")
        assert len(values_of(sound.owner)) == 3
        assert values_of(broken.owner) == {}


class TestCheckpoint:
    def test_is_where_the_next_worker_goes_on(self, worker, poisonous, sweep_after_death):
        owner = make_owner()
        chunk = put_chunk(make_run(make_device(owner)), _entries(80), seq=1)
        poisonous(Killed, "k15")
        for _ in range(3):
            try:
                worker.work()
            except Killed:
                sweep_after_death()

        now = Chunk.objects.get(id=chunk)
        assert (now.next_ordinal, now.span, now.attempts, now.state) == (10, 10, 0, ChunkState.STORED)
        assert values_of(owner) == dict(_entries(10))

    def test_counts_the_same_in_spans_as_at_once(self, worker, poisonous, sweep_after_death):
        at_once, in_spans = make_run(), make_run()
        put_chunk(at_once, _entries(64), seq=1)
        worker.load_all()
        put_chunk(in_spans, _entries(64), seq=1)
        for _ in range(2):
            release_chunks(worker.claim())
        assert worker.load_all() > 1

        names = ("entries_processed", "bytes_processed", "entries_stored", "chunks_loaded")
        one, other = (MigrationRun.objects.values(*names).get(id=run.id) for run in (at_once, in_spans))
        assert one == other


def test_an_app_that_is_gone_takes_its_chunks_along(worker):
    run = make_run()
    put_chunk(run, _entries(3), seq=1)
    App.objects.filter(id=run.app_id).delete()
    assert worker.claim() == []
