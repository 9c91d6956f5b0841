"""Leases and fences: whoever lost a claim writes nothing (semantics 2 and 5)."""

import threading
from datetime import timedelta

import pytest
from django.utils import timezone

from migration.errors import LeaseLost
from migration.lifecycle import count_workers, enlist, release_chunks, release_dead_claims, wish
from migration.loading import LoadEngine, ledger
from migration.models import Chunk, MigrationRun, Owner
from migration.orchestration import MigrationOrchestrator, work
from migration.states import ChunkState, RunState, UploadState
from tests.factories.held import records_of, values_of
from tests.factories.loads import make_device, make_owner, make_run, put_chunk
from tests.factories.sessions import held_in_another_session, in_another_session
from tests.factories.workers import Worker, await_workers

NOTES = [("a", "1"), ("b", "2")]


class TestExpiredLease:
    def test_is_given_to_somebody_else(self, worker):
        put_chunk(make_run(), NOTES, seq=1)
        at = timezone.now()
        worker.claim(at=at, lease=45)

        assert release_dead_claims(at=at + timedelta(seconds=44)) == 0
        assert release_dead_claims(at=at + timedelta(seconds=46)) == 1
        assert [claim.fence for claim in worker.claim()] == [2]

    def test_leaves_a_stalled_worker_nothing_to_write(self, worker):
        run = make_run()
        put_chunk(run, NOTES, seq=1)
        at = timezone.now()
        stalled = worker.prepare(worker.claim(at=at, lease=1))
        release_dead_claims(at=at + timedelta(seconds=2))
        worker.load_all()
        before = MigrationRun.objects.values().get(id=run.id)

        report = LoadEngine().load(stalled, at=timezone.now())

        assert not report.outcomes
        assert MigrationRun.objects.values().get(id=run.id) == before
        assert {held.revision for held in records_of(run.owner).values()} == {1, 2}

    def test_fails_a_batch_whose_claim_goes_while_it_writes(self, worker, monkeypatch):
        run = make_run()
        put_chunk(run, NOTES, seq=1)
        claims = worker.claim()
        counted = ledger.count

        def count_then_lose(*args, **kwargs):
            counted(*args, **kwargs)
            in_another_session(lambda: release_chunks(claims))

        monkeypatch.setattr(ledger, "count", count_then_lose)
        with pytest.raises(LeaseLost):
            worker.load(claims)

        assert records_of(run.owner) == {}
        assert Owner.objects.get(id=run.owner_id).revision == 0
        assert MigrationRun.objects.get(id=run.id).entries_processed == 0
        assert Chunk.objects.get().state == ChunkState.STORED

    def test_does_not_take_chunks_from_a_stalled_batch_that_has_written(self, worker):
        """The sweeper must not wait for it either: one stalled worker would stop all clearing up."""
        stuck = make_run()
        free = make_run()
        put_chunk(stuck, NOTES, seq=1)
        put_chunk(free, NOTES, seq=1)
        at = timezone.now()
        first, second = sorted(worker.claim(at=at, lease=1), key=lambda claim: claim.run_id != stuck.id)

        with held_in_another_session(lambda: worker.load([first])):
            released = in_another_session(lambda: release_dead_claims(at=at + timedelta(seconds=2)))

        assert released == 1
        assert Chunk.objects.get(id=first.id).state == ChunkState.LOADED
        assert Chunk.objects.get(id=second.id).state == ChunkState.STORED


class TestDeadWorker:
    def test_loses_its_claims_before_its_lease_ends(self, worker):
        put_chunk(make_run(), NOTES, seq=1)
        in_another_session(lambda: Worker().claim())
        at = timezone.now()

        assert Chunk.objects.get().state == ChunkState.CLAIMED
        assert release_dead_claims(at=at) == 1

    def test_is_told_from_a_living_one(self, worker):
        put_chunk(make_run(), NOTES, seq=1)
        worker.claim()
        assert release_dead_claims(at=timezone.now()) == 0

    def test_keeps_the_count_of_its_attempt(self, worker):
        put_chunk(make_run(), NOTES, seq=1)
        worker.claim(at=timezone.now() - timedelta(hours=1))
        release_dead_claims(at=timezone.now())

        assert Chunk.objects.get().attempts == 1

    def test_is_not_counted_among_the_workers(self, worker):
        await_workers(1)
        with held_in_another_session(enlist):
            assert count_workers() == 2

    def test_keeps_its_number_as_long_as_its_connection(self, worker):
        assert enlist() == worker.number


class TestBatch:
    def test_leaves_out_a_run_whose_epoch_rose(self, worker):
        moved, stands = make_run(), make_run()
        put_chunk(moved, NOTES, seq=1)
        put_chunk(stands, NOTES, seq=1)
        claims = worker.claim()
        Owner.objects.filter(id=moved.owner_id).update(epoch=2)

        worker.load(claims)

        assert records_of(moved.owner) == {}
        assert values_of(stands.owner) == dict(NOTES)

    def test_leaves_out_an_owner_that_was_rolled_back(self, worker):
        run = make_run()
        put_chunk(run, NOTES, seq=1)
        claims = worker.claim()
        Owner.objects.filter(id=run.owner_id).update(epoch=2)

        worker.load(claims)

        assert records_of(run.owner) == {}

    def test_answers_a_wish_to_cancel_between_batches(self, worker):
        run = make_run()
        put_chunk(run, NOTES, seq=1)
        put_chunk(run, [("c", "3")], seq=2)
        worker.load(worker.claim(chunks=1))
        claims = worker.claim(chunks=1)
        wish(run.id, at=timezone.now(), actor="test", cancel_wished=True)

        worker.load(claims)

        assert values_of(run.owner) == dict(NOTES)

    def test_finishes_what_was_begun_before_a_pause_and_stops(self, worker):
        run = make_run()
        put_chunk(run, NOTES, seq=1)
        put_chunk(run, [("c", "3")], seq=2)
        claims = worker.claim(chunks=1)
        wish(run.id, at=timezone.now(), actor="test", pause_wished=True)
        worker.load(claims)

        assert values_of(run.owner) == dict(NOTES)
        assert worker.claim() == []

        wish(run.id, at=timezone.now(), actor="test", pause_wished=False)
        worker.load_all()

        assert values_of(run.owner) == {**dict(NOTES), "c": "3"}

    def test_puts_back_what_another_batch_holds_and_loads_the_rest(self, worker):
        taken, free = make_run(), make_run()
        put_chunk(taken, NOTES, seq=1)
        put_chunk(free, NOTES, seq=1)
        claims = worker.claim()

        with held_in_another_session(lambda: Owner.objects.select_for_update(no_key=True).get(id=taken.owner_id)):
            report = worker.load(claims)

        assert [claim.run_id for claim in report.put_back] == [taken.id]
        assert records_of(taken.owner) == {}
        assert values_of(free.owner) == dict(NOTES)
        waiting = Chunk.objects.get(run_id=taken.id)
        assert (waiting.state, waiting.attempts) == (ChunkState.STORED, 0)

    def test_waits_when_all_its_owners_are_taken(self, worker):
        run = make_run()
        put_chunk(run, NOTES, seq=1)
        claims = worker.claim()
        lock = Owner.objects.select_for_update(no_key=True).get
        with held_in_another_session(lambda: lock(id=run.owner_id)) as done:
            threading.Timer(0.2, done.set).start()
            report = worker.load(claims)

        assert report.put_back == []
        assert values_of(run.owner) == dict(NOTES)

    def test_does_not_block_the_arrival_of_more(self, worker):
        """The lock on the owner must let foreign keys to it be checked."""
        owner = make_owner()
        run = make_run(make_device(owner))
        put_chunk(run, NOTES, seq=1)
        claims = worker.claim()

        with held_in_another_session(lambda: worker.load(claims)):
            another = in_another_session(lambda: make_run(make_device(owner)))

        assert MigrationRun.objects.filter(id=another.id).exists()


class TestFailure:
    @pytest.mark.parametrize("error", [RuntimeError, KeyError, MemoryError, AssertionError])
    def test_of_any_kind_gives_the_chunks_back(self, worker, monkeypatch, error):
        """A living worker's claim is waited for until its lease ends: nothing may leave one behind."""

        def fail(*_args, **_kwargs):
            raise error("as it happens")

        run = make_run()
        put_chunk(run, NOTES, seq=1)
        monkeypatch.setattr(work, "prepare", fail)
        worker.work()
        chunk = Chunk.objects.get()
        assert (chunk.state, chunk.attempts) == (ChunkState.STORED, 1)

        monkeypatch.undo()
        worker.work_until_done()
        assert values_of(run.owner) == dict(NOTES)

    def test_of_one_verification_does_not_stop_the_others(self, worker, monkeypatch):
        broken, sound = (make_run(state=RunState.VERIFYING, upload_state=UploadState.CONSUMED) for _ in range(2))
        verify_run, seen = work.verify_run, []

        def verify(run_id, *, at):
            seen.append(run_id)
            if run_id == broken.id:
                raise RuntimeError("as it happens")
            return verify_run(run_id, at=at)

        def verify_together(run_ids, *, at):
            raise RuntimeError("as it happens in company")

        monkeypatch.setattr(work, "verify_together", verify_together)
        monkeypatch.setattr(work, "verify_run", verify)
        MigrationOrchestrator().work_until_done(holder=worker.number, clock=timezone.now)

        assert set(seen) == {broken.id, sound.id}
        assert MigrationRun.objects.get(id=sound.id).state == RunState.COMPLETED
        assert MigrationRun.objects.get(id=broken.id).state == RunState.VERIFYING
