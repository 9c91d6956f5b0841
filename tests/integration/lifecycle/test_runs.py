"""Moves of runs and uploads: only what the table allows, guarded, and told on the timeline."""

import threading

import pytest
from django.db import connection, transaction
from django.db.utils import ProgrammingError
from django.utils import timezone

from migration import dispatch
from migration.errors import IllegalMove, NotFound
from migration.events import Happening
from migration.lifecycle import audit, begin_verification_if_loaded, move_run, move_upload, note, wish
from migration.models import AuditLine, Chunk, MigrationRun, RunEvent
from migration.orchestration import MigrationOrchestrator
from migration.orchestration.sweeping import SWEEP_LOCK
from migration.states import RUN, UPLOAD, ChunkState, RunState, UploadState
from tests.factories.loads import make_device, make_owner, make_run, put_chunk

pytestmark = pytest.mark.django_db


def _place(run, **columns):
    MigrationRun.objects.filter(id=run.id).update(**columns)
    return MigrationRun.objects.values().get(id=run.id)


class TestMove:
    @pytest.mark.parametrize("source", RunState)
    def test_follows_the_table_and_nothing_else(self, source):
        run = make_run()
        for target in RunState:
            before, events = _place(run, state=source, finished_at=None), RunEvent.objects.count()
            if RUN.allows(source, target):
                assert move_run(run.id, target, why="test", at=timezone.now()) == source
                assert MigrationRun.objects.get(id=run.id).state == target
                assert RunEvent.objects.filter(run=run).latest("id").data["to"] == target
            else:
                with pytest.raises(IllegalMove) as caught:
                    move_run(run.id, target, why="test", at=timezone.now(), failure_code="x")
                assert caught.value.extras["state"] == source
                assert MigrationRun.objects.values().get(id=run.id) == before
                assert RunEvent.objects.count() == events

    @pytest.mark.parametrize("source", UploadState)
    def test_of_an_upload_follows_its_table(self, source):
        run = make_run()
        for target in UploadState:
            _place(run, upload_state=source)
            if UPLOAD.allows(source, target):
                move_upload(run.id, target)
                assert MigrationRun.objects.get(id=run.id).upload_state == target
            else:
                with pytest.raises(IllegalMove):
                    move_upload(run.id, target)
                assert MigrationRun.objects.get(id=run.id).upload_state == source

    def test_of_nothing_is_not_found(self):
        with pytest.raises(NotFound):
            move_run(make_device().id, RunState.FAILED, why="test", at=timezone.now())

    def test_into_an_end_is_dated(self):
        run, at = make_run(), timezone.now()
        move_run(run.id, RunState.FAILED, why="test", at=at, failure_code="x")
        run.refresh_from_db()
        assert (run.finished_at, run.failure_code) == (at, "x")


class TestTimeline:
    def test_numbers_rise_with_each_line(self):
        run = make_run()
        wish(run.id, at=timezone.now(), actor="somebody", pause_wished=True)
        move_run(run.id, RunState.FAILED, why="test", at=timezone.now())
        numbers = list(RunEvent.objects.filter(run=run).order_by("id").values_list("number", flat=True))
        assert numbers == sorted(set(numbers))
        assert MigrationRun.objects.get(id=run.id).number == numbers[-1]

    def test_a_wish_is_no_state(self):
        run = make_run()
        wish(run.id, at=timezone.now(), actor="somebody", cancel_wished=True)
        run.refresh_from_db()
        assert (run.state, run.cancel_wished) == (RunState.TRANSFERRING, True)

    def test_a_line_tells_what_it_was_told(self):
        run = make_run()
        number = note(run.id, Happening.STATE, {"a": 1}, at=timezone.now())
        assert RunEvent.objects.get(run=run, number=number).data == {"a": 1}


class TestBeginningVerification:
    def test_waits_for_seal_and_last_chunk(self):
        run = make_run()
        chunk = put_chunk(run, [("a", "1")], seq=1)
        assert not begin_verification_if_loaded(run.id, at=timezone.now())
        _place(run, upload_state=UploadState.SEALED)
        assert not begin_verification_if_loaded(run.id, at=timezone.now())
        Chunk.objects.filter(id=chunk).update(state=ChunkState.LOADED)
        assert begin_verification_if_loaded(run.id, at=timezone.now())
        assert not begin_verification_if_loaded(run.id, at=timezone.now())
        run.refresh_from_db()
        assert (run.state, run.upload_state) == (RunState.VERIFYING, UploadState.CONSUMED)

    def test_a_run_of_nothing_is_loaded_at_once(self):
        run = make_run(upload_state=UploadState.SEALED)
        assert begin_verification_if_loaded(run.id, at=timezone.now())

    def test_an_expired_run_never_begins(self):
        run = make_run(state=RunState.EXPIRED, upload_state=UploadState.SEALED)
        assert not begin_verification_if_loaded(run.id, at=timezone.now())

    @pytest.mark.django_db(transaction=True)
    def test_begins_once_when_seal_and_last_batch_meet(self):
        for _ in range(5):
            run = make_run(upload_state=UploadState.SEALED)
            began, start = [], threading.Barrier(4)

            def ask(run_id=run.id, began=began, start=start):
                try:
                    start.wait(10)
                    began.append(begin_verification_if_loaded(run_id, at=timezone.now()))
                finally:
                    connection.close()

            threads = [threading.Thread(target=ask) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(10)
            assert sorted(began) == [False, False, False, True]


class TestAudit:
    def test_line_is_written_with_what_it_tells_of(self):
        owner = make_owner()
        with transaction.atomic():
            audit(actor="a", action="b", target=owner.id, at=timezone.now())
            transaction.set_rollback(True)
        assert not AuditLine.objects.exists()
        audit(actor="a", action="b", target=owner.id, at=timezone.now(), owner_id=owner.id, data={"c": 1})
        assert AuditLine.objects.get().data == {"c": 1}

    @pytest.mark.parametrize("act", [lambda lines: lines.update(actor="x"), lambda lines: lines.delete()])
    def test_line_stands_for_ever(self, act):
        audit(actor="a", action="b", target="c", at=timezone.now())
        with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
            act(AuditLine.objects.all())
        assert AuditLine.objects.get().actor == "a"


@pytest.mark.django_db(transaction=True)
class TestSweep:
    def test_acts_one_at_a_time(self):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [SWEEP_LOCK])
        swept = []

        def sweep():
            try:
                swept.append(MigrationOrchestrator().sweep(at=timezone.now()))
            finally:
                connection.close()

        thread = threading.Thread(target=sweep)
        thread.start()
        thread.join(10)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [SWEEP_LOCK])
        assert swept == [False]
        assert MigrationOrchestrator().sweep(at=timezone.now())

    def test_expires_what_was_planned_and_never_came(self):
        idle = make_run(state=RunState.PLANNED, expires_at=timezone.now())
        busy = make_run(expires_at=timezone.now())
        MigrationOrchestrator().sweep(at=timezone.now())
        states = dict(MigrationRun.objects.values_list("id", "state"))
        assert (states[idle.id], states[busy.id]) == (RunState.EXPIRED, RunState.TRANSFERRING)

    def test_rings_only_while_something_waits(self, monkeypatch):
        rung = []
        monkeypatch.setattr(dispatch, "ring_anyway", lambda: rung.append(1))
        run = make_run()
        MigrationOrchestrator().sweep(at=timezone.now())
        assert rung == []
        put_chunk(run, [("a", "1")], seq=1)
        MigrationOrchestrator().sweep(at=timezone.now())
        assert rung == [1]
