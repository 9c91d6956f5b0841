"""Many runs get their receipts at once where all they announced is stored, and none does where anything is amiss."""

from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from migration.lifecycle import claim_verifications, give_verifications_back
from migration.models import Backup, Chunk, MigrationRun
from migration.orchestration import receipts
from migration.orchestration.proof import verify_together
from migration.orchestration.verification import verify_run
from tests.factories.full_disks import no_room_for
from tests.factories.loads import make_device, put_chunk
from tests.factories.runs import completed_run, loaded_run, sealed_run
from tests.factories.uploads import todos
from tests.factories.workers import Worker
from tests.integration.orchestration.test_verification import DAMAGE, HARD, _execute, digest_of

MORE_DAMAGE = {
    **DAMAGE,
    "it lies under another key's hash": """
        UPDATE migration_record SET key_hash = substr(key_hash, 1, 31) || '\\x00'::bytea WHERE key_json = %s""",
    "it has another key": "UPDATE migration_record SET key_json = '\"todo:99\"' WHERE key_json = %s",
    "it is labelled as something else": "UPDATE migration_record SET collection = 'note' WHERE key_json = %s",
    "somebody else wrote it": "UPDATE migration_record SET run_id = gen_random_uuid() WHERE key_json = %s",
}


def _together(*runs: MigrationRun) -> set[Any]:
    return verify_together([run.id for run in runs], at=timezone.now())


class TestReceiptsAtOnce:
    def test_state_of_each_run_what_it_stored(self, worker: Worker) -> None:
        contents = [{**todos(7), **HARD}, todos(1), {}, {"todo:gone": None, "todo:1": "b"}]
        runs = [sealed_run(entries) for entries in contents[:2]]
        runs.append(sealed_run({}, chunks=[], state="verifying", upload_state="consumed"))
        runs.append(sealed_run(contents[3], chunks=[{"todo:1": "a", "todo:gone": "x"}, contents[3]]))
        worker.load_all()
        assert _together(*runs) == {run.id for run in runs}
        for run, entries in zip(runs, contents, strict=True):
            run.refresh_from_db()
            assert run.state == "completed"
            assert receipts.check(run.receipt) == run.statement
            assert run.statement["stored"] == {"entries": len(entries), "digest": digest_of(dict(entries))}

    def test_say_what_the_long_way_says(self, worker: Worker) -> None:
        run = loaded_run(worker, {**todos(40), **HARD})
        backup = Backup.objects.get(run=run)
        at = timezone.now()
        assert verify_run(run.id, at=at).outcome == "completed"
        long = MigrationRun.objects.get(id=run.id), Backup.objects.get(id=backup.id)
        MigrationRun.objects.filter(id=run.id).update(state="verifying", receipt="", statement=None)
        assert verify_together([run.id], at=at) == {run.id}
        short = MigrationRun.objects.get(id=run.id), Backup.objects.get(id=backup.id)
        assert (short[0].receipt, short[0].statement) == (long[0].receipt, long[0].statement)
        for name in ("state", "entries", "bytes", "verified_at"):
            assert getattr(short[1], name) == getattr(long[1], name)
        assert bytes(short[1].digest or b"") == bytes(long[1].digest or b"")

    def test_are_for_runs_that_wait_for_one(self, worker: Worker) -> None:
        assert _together(sealed_run(todos(3))) == set()


class TestNoReceiptAtOnce:
    @pytest.mark.parametrize("damage", MORE_DAMAGE.values(), ids=MORE_DAMAGE.keys())
    def test_where_a_record_is_not_what_was_sent(self, worker: Worker, damage: str) -> None:
        damaged, sound = loaded_run(worker, todos(30)), loaded_run(worker, todos(5, first=50))
        _execute(damage, '"todo:13"')
        assert _together(damaged, sound) == {sound.id}
        damaged.refresh_from_db()
        assert (damaged.state, damaged.receipt) == ("verifying", "")

    @pytest.mark.parametrize("column", ["sealed_payload", "wrapped_key", "sha256"])
    def test_where_the_backup_does_not_open_or_is_not_what_came(self, worker: Worker, column: str) -> None:
        run = loaded_run(worker, todos(20))
        chunk = Chunk.objects.get(run=run)
        spoilt = bytearray(getattr(chunk, column))
        spoilt[len(spoilt) // 2] ^= 1
        Chunk.objects.filter(id=chunk.id).update(**{column: bytes(spoilt)})
        assert _together(run) == set()

    def test_where_the_manifest_names_more_or_less_than_came(self, worker: Worker) -> None:
        more, less = sealed_run(todos(5), chunks=[todos(4)]), sealed_run(todos(4), chunks=[todos(5)])
        worker.load_all()
        assert _together(more, less) == set()

    def test_where_another_device_wrote_over_it_though_history_holds_it(self, worker: Worker) -> None:
        device = make_device()
        run = loaded_run(worker, {"todo:1": "mine"}, device=device, conflict_policy="AUTO_OVERWRITE")
        other = make_device(device.owner)
        completed_run(worker, {"todo:1": "theirs"}, device=other, conflict_policy="AUTO_OVERWRITE")
        assert _together(run) == set()
        assert verify_run(run.id, at=timezone.now()).outcome == "completed"


class TestAttempts:
    def test_of_a_verification_that_ends_its_worker_are_counted_until_the_run_fails(
        self, worker: Worker, settings: Any
    ) -> None:
        settings.MIGRATION = {**settings.MIGRATION, "VERIFY_ATTEMPTS": "3"}
        run = loaded_run(worker, todos(3))
        for attempt in (1, 2, 3):
            assert claim_verifications(most=32, most_entries=1_000, at=timezone.now()) == {run.id: attempt}
            give_verifications_back([run.id])  # as the end of a session does
        worker.work_until_done()
        run.refresh_from_db()
        assert (run.state, run.failure_code, run.upload_state) == ("failed", "verification_interrupted", "open")
        assert run.errors[-1]["code"] == "verification_interrupted"

    def test_ended_by_a_full_disk_are_not_counted(self, worker: Worker, settings: Any) -> None:
        settings.MIGRATION = {**settings.MIGRATION, "VERIFY_ATTEMPTS": "2"}
        run = loaded_run(worker, todos(3))
        with connection.cursor() as cursor, no_room_for(cursor.execute, "migration_runevent"):
            for _ in range(4):
                with pytest.raises(OperationalError, match="could not extend file"):
                    worker.work()
        worker.work_until_done()
        run.refresh_from_db()
        assert (run.state, run.verify_attempts, run.errors) == ("completed", 1, [])

    def test_single_out_the_run_that_ends_workers(self, worker: Worker) -> None:
        runs = {loaded_run(worker, todos(3)).id for _ in range(3)}
        assert claim_verifications(most=32, most_entries=1_000, at=timezone.now()) == dict.fromkeys(runs, 1)
        give_verifications_back(list(runs))
        fresh = loaded_run(worker, todos(3)).id
        assert claim_verifications(most=32, most_entries=1_000, at=timezone.now()) == {fresh: 1}
        give_verifications_back([fresh])
        assert worker.work()
        assert len(claim_verifications(most=32, most_entries=1_000, at=timezone.now())) == 1

    def test_leave_runs_beyond_so_many_entries_to_other_workers(self, worker: Worker) -> None:
        for _ in range(4):
            loaded_run(worker, todos(3))
        claimed = claim_verifications(most=32, most_entries=5, at=timezone.now())
        assert len(claimed) == 2
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND objsubid = 1")
            assert cursor.fetchone() == (2,)
        give_verifications_back(list(claimed))

    def test_begin_anew_when_the_run_comes_again(self, worker: Worker) -> None:
        run = sealed_run(todos(3), chunks=[todos(2)])
        worker.work_until_done()
        run.refresh_from_db()
        assert (run.state, run.verify_rounds) == ("transferring", 1)
        put_chunk(run, [("todo:2", todos(3)["todo:2"])], seq=9)
        MigrationRun.objects.filter(id=run.id).update(upload_state="sealed")
        worker.load_all()
        assert claim_verifications(most=1, most_entries=1_000, at=timezone.now()) == {run.id: 1}
        give_verifications_back([run.id])
