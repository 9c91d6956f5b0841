"""Which chunks one claim takes (semantics 5)."""

from datetime import timedelta

from django.utils import timezone

from migration.lifecycle import release_chunks
from migration.loading import LoadEngine
from migration.models import App, Chunk, MigrationRun, Owner
from migration.orchestration.pipeline import is_poison
from migration.states import ChunkState, RunState
from tests.factories.loads import at_stage, make_app, make_device, make_owner, make_run, put_chunk
from tests.factories.workers import Worker


def _entries(count: int, start: int = 0) -> list[tuple[str, str]]:
    return [(f"note:{number}", str(number)) for number in range(start, start + count)]


def _fail(worker: Worker, chunk_id: int) -> None:
    """Let a batch of this one chunk fail: claimed, then given back with its attempt counted."""
    claims = worker.claim()
    assert chunk_id in {claim.id for claim in claims}
    release_chunks([claim for claim in claims if claim.id == chunk_id])
    release_chunks([claim for claim in claims if claim.id != chunk_id], forgive=True)


class TestClaim:
    def test_takes_chunks_of_many_owners_in_one_commit(self, worker):
        app = make_app()
        ids = {put_chunk(make_run(make_device(make_owner(app))), _entries(3), seq=1) for _ in range(5)}

        claims = worker.claim()

        assert {claim.id for claim in claims} == ids
        assert {claim.attempts for claim in claims} == {1}
        assert {claim.fence for claim in claims} == {1}
        assert set(Chunk.objects.values_list("state", "holder")) == {(ChunkState.CLAIMED, worker.number)}

    def test_writes_the_end_of_its_lease(self, worker):
        put_chunk(make_run(), _entries(1), seq=1)
        at = timezone.now()

        worker.claim(at=at, lease=45)

        assert Chunk.objects.get().lease_until == at + timedelta(seconds=45)

    def test_leaves_what_is_claimed_to_its_holder(self, worker):
        put_chunk(make_run(), _entries(1), seq=1)
        worker.claim()

        assert worker.claim() == []

    def test_goes_round_the_apps_in_turn(self, worker):
        busy, quiet = make_app(), make_app()
        for _ in range(6):
            put_chunk(make_run(make_device(make_owner(busy))), _entries(1), seq=1)
        last = put_chunk(make_run(make_device(make_owner(quiet))), _entries(1), seq=1)

        claims = worker.claim(chunks=2)

        assert last in {claim.id for claim in claims}

    def test_spends_its_budget_of_entries_in_turn_too(self, worker):
        busy, quiet = make_app(), make_app()
        for _ in range(6):
            put_chunk(make_run(make_device(make_owner(busy))), _entries(10), seq=1)
        last = put_chunk(make_run(make_device(make_owner(quiet))), _entries(10), seq=1)

        assert last in {claim.id for claim in worker.claim(entries=25)}

    def test_sees_a_small_app_behind_a_long_queue_of_another(self, worker):
        busy, quiet = make_run(), make_run()
        for seq in range(1, 40):
            put_chunk(busy, _entries(1), seq=seq)
        last = put_chunk(quiet, _entries(1), seq=1)

        assert last in {claim.id for claim in worker.claim(chunks=2)}

    def test_sees_work_behind_chunks_that_may_not_be_loaded(self, worker):
        """What a cancelled or paused run left must not fill the window the claim looks through."""
        app = make_app()
        stopped = make_run(make_device(make_owner(app)), state=RunState.CANCELLED)
        paused = make_run(make_device(make_owner(app)), pause_wished=True)
        for seq in range(1, 40):
            put_chunk(stopped, _entries(1), seq=seq)
            put_chunk(paused, _entries(1), seq=seq)
        waiting = put_chunk(make_run(make_device(make_owner(app))), _entries(1), seq=1)

        assert [claim.id for claim in worker.claim(chunks=2)] == [waiting]

    def test_takes_one_run_of_an_owner_at_a_time(self, worker):
        owner = make_owner()
        phone, laptop = make_run(make_device(owner)), make_run(make_device(owner))
        put_chunk(phone, _entries(2), seq=1)
        put_chunk(laptop, _entries(2), seq=1)
        put_chunk(phone, _entries(2), seq=2)

        assert {claim.run_id for claim in worker.claim()} == {phone.id}
        assert {claim.run_id for claim in worker.claim()} == {laptop.id}

    def test_stops_at_the_budget_of_entries(self, worker):
        run = make_run()
        for seq in range(1, 6):
            put_chunk(run, _entries(10), seq=seq)

        assert len(worker.claim(entries=25)) == 3

    def test_takes_a_chunk_larger_than_the_budget_whole(self, worker):
        put_chunk(make_run(), _entries(50), seq=1)

        claims = worker.claim(entries=10)

        assert [(claim.entries, claim.span) for claim in claims] == [(50, None)]

    def test_hands_out_chunks_in_the_order_of_their_seq(self, worker):
        run = make_run()
        for seq in (3, 1, 2):
            put_chunk(run, _entries(1), seq=seq)

        assert [claim.seq for claim in worker.claim()] == [1, 2, 3]


class TestFailedChunk:
    def test_comes_alone_and_whole(self, worker):
        app = make_app()
        failed = put_chunk(make_run(make_device(make_owner(app))), _entries(80), seq=1)
        put_chunk(make_run(make_device(make_owner(app))), _entries(5), seq=1)
        _fail(worker, failed)

        claims = worker.claim()

        assert [(claim.id, claim.attempts, claim.span) for claim in claims] == [(failed, 2, None)]

    def test_does_not_hold_up_the_others_while_it_is_tried(self, worker):
        app = make_app()
        failed = put_chunk(make_run(make_device(make_owner(app))), _entries(80), seq=1)
        other = put_chunk(make_run(make_device(make_owner(app))), _entries(5), seq=1)
        _fail(worker, failed)
        worker.claim()

        assert [claim.id for claim in worker.claim()] == [other]

    def test_narrows_with_each_failure(self, worker):
        chunk = put_chunk(make_run(), _entries(100), seq=1)
        spans = []
        for _ in range(6):
            claims = worker.claim()
            spans.append(claims[0].span)
            release_chunks(claims)

        assert spans == [None, None, 13, 2, 1, 1]
        assert Chunk.objects.get(id=chunk).next_ordinal == 0

    def test_of_a_single_entry_is_tried_alone_twice(self, worker):
        put_chunk(make_run(), _entries(1), seq=1)
        tried = []
        for _ in range(4):
            claims = worker.claim()
            tried.append((claims[0].span, claims[0].attempts, is_poison(claims[0])))
            release_chunks(claims)

        assert tried == [(None, 1, False), (1, 1, False), (1, 2, False), (1, 3, True)]

    def test_is_as_good_as_new_when_it_was_not_the_cause(self, worker):
        put_chunk(make_run(), _entries(100), seq=1)
        release_chunks(worker.claim(), forgive=True)

        assert [(claim.attempts, claim.span) for claim in worker.claim()] == [(1, None)]


class TestRunThatMayNotLoad:
    def test_is_not_claimed_when_paused(self, worker):
        put_chunk(make_run(pause_wished=True), _entries(1), seq=1)
        assert worker.claim() == []

    def test_is_not_claimed_when_its_cancellation_is_wished(self, worker):
        put_chunk(make_run(cancel_wished=True), _entries(1), seq=1)
        assert worker.claim() == []

    def test_is_not_claimed_once_its_owner_was_taken_back(self, worker):
        run = make_run()
        put_chunk(run, _entries(1), seq=1)
        Owner.objects.filter(id=run.owner_id).update(epoch=2)
        assert worker.claim() == []

    def test_goes_on_when_a_stage_changes_also_under_a_batch(self, worker):
        """Every change of a stage raises the app's epoch: the run is none of its business."""
        run = make_run()
        put_chunk(run, _entries(1), seq=1)
        at_stage(run.app, "shadow")
        claims = worker.claim()
        assert len(claims) == 1
        parts = worker.prepare(claims)
        at_stage(run.app, "ramp")
        report = LoadEngine().load(parts, at=timezone.now())
        assert (report.outcomes, report.put_back) == ({}, claims), "its terms are of the stage before"
        [again] = worker.claim()
        assert again.attempts == 1, "nothing is held against it"
        assert LoadEngine().load(worker.prepare([again]), at=timezone.now()).outcomes[run.id]["stored"] == 1

    def test_waits_while_its_app_is_switched_off(self, worker):
        run = make_run()
        put_chunk(run, _entries(1), seq=1)
        App.objects.filter(id=run.app_id).update(is_active=False, epoch=2)
        assert worker.claim() == []
        App.objects.filter(id=run.app_id).update(is_active=True)
        assert len(worker.claim()) == 1

    def test_is_not_claimed_in_any_state_but_transferring(self, worker):
        for state in RunState:
            if state != RunState.TRANSFERRING:
                put_chunk(make_run(state=state), _entries(1), seq=1)
        assert worker.claim() == []

    def test_is_claimed_again_once_it_goes_on(self, worker):
        run = make_run(pause_wished=True)
        put_chunk(run, _entries(1), seq=1)
        MigrationRun.objects.filter(id=run.id).update(pause_wished=False)
        assert len(worker.claim()) == 1
