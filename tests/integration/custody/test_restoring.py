"""A backup written back: checked whole before anything changes, once, and never without a way back."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from migration.errors import BackupExpired, BackupUnreadable, IdempotencyMismatch, NotFound
from migration.models import App, AuditLine, Backup, Chunk, MigrationRun, Owner, Restoration, RollbackPoint
from migration.orchestration import restoring, retention, rolling_back
from tests.factories.doors import at_once
from tests.factories.held import rebuilt, records_of, values_of
from tests.factories.loads import make_device, make_owner
from tests.factories.runs import completed_run
from tests.factories.uploads import todos
from tests.factories.workers import Worker

pytestmark = pytest.mark.django_db(transaction=True)

HARD: dict[str, str | None] = {"": "", "todo:\ud800": "\udfff\x00", "note:j": '{"a":1e400, "a":2}', "\n": "\r\u2028"}
THEN: dict[str, str | None] = {**todos(6), **HARD}
SINCE: dict[str, str | None] = {**dict.fromkeys(HARD), "todo:1": "changed", "todo:2": None, "new": "kept"}
NOW = {**THEN, **SINCE}
MISSING, REPLACE = Restoration.Mode.MISSING, Restoration.Mode.REPLACE


@pytest.fixture
def worker() -> Worker:
    """One worker of this process."""
    return Worker()


@pytest.fixture
def run(worker: Worker) -> MigrationRun:
    """A completed run whose device has since deleted, changed and added entries."""
    device = make_device()
    run = completed_run(worker, THEN, device=device)
    completed_run(worker, SINCE, device=device, seq=5)
    assert values_of(run.owner) == NOW
    return run


def backup_of(run: MigrationRun) -> Backup:
    return Backup.objects.get(run=run)


def restore(run: MigrationRun, mode: Restoration.Mode = MISSING, **given: UUID) -> Restoration:
    asked = {"owner_id": run.owner_id, "idempotency_key": uuid4(), **given}
    return restoring.restore_backup(backup_id=backup_of(run).id, mode=mode, actor="ann", at=timezone.now(), **asked)


def preview(run: MigrationRun, mode: Restoration.Mode) -> Restoration:
    return restoring.preview_restore(owner_id=run.owner_id, backup_id=backup_of(run).id, mode=mode, at=timezone.now())


def counts_of(one: Restoration) -> tuple[int, ...]:
    return (one.came_back, one.replaced, one.unchanged, one.kept, one.refused)


def state_of(owner: Owner) -> tuple[object, ...]:
    owner.refresh_from_db()
    points = RollbackPoint.objects.filter(owner=owner).count()
    return (records_of(owner), owner.revision, owner.epoch, points, Restoration.objects.count())


class TestARestore:
    @pytest.mark.parametrize(
        ("mode", "after", "counts"),
        [
            (MISSING, {**NOW, **HARD, "todo:2": THEN["todo:2"]}, (5, 0, 4, 1, 0)),
            (REPLACE, {**THEN, "new": "kept"}, (5, 1, 4, 0, 0)),
        ],
    )
    def test_brings_back_what_its_mode_says_as_its_preview_said(
        self, run: MigrationRun, mode: Restoration.Mode, after: dict[str, str | None], counts: tuple[int, ...]
    ) -> None:
        before = state_of(run.owner)
        said = preview(run, mode)
        assert state_of(run.owner) == before
        done = restore(run, mode)
        assert counts_of(said) == counts_of(done) == counts
        assert values_of(run.owner) == after

    def test_takes_one_revision_for_each_write_and_raises_the_epoch(self, run: MigrationRun) -> None:
        revision, epoch = state_of(run.owner)[1:3]
        restore(run, REPLACE)
        run.owner.refresh_from_db()
        written = [held.revision for held in records_of(run.owner).values() if held.cause == "restore"]
        assert sorted(written) == list(range(int(str(revision)) + 1, run.owner.revision + 1))
        assert len(written) == 6
        assert run.owner.epoch == int(str(epoch)) + 1
        assert rebuilt(run.owner, int(str(revision))) == NOW

    def test_comes_out_the_same_in_many_batches(self, run: MigrationRun, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(restoring, "BATCH", 3)
        restore(run, REPLACE)
        assert values_of(run.owner) == {**THEN, "new": "kept"}

    def test_is_undone_by_going_back_to_its_point(self, run: MigrationRun, worker: Worker) -> None:
        done = restore(run, REPLACE)
        rolling_back.request_point_rollback(
            owner_id=run.owner_id, point_id=done.point_id, idempotency_key=uuid4(), actor="ann", at=timezone.now()
        )
        worker.work_until_done()
        assert values_of(run.owner) == NOW

    def test_is_told_of_in_the_audit_log(self, run: MigrationRun) -> None:
        done = restore(run)
        line = AuditLine.objects.get(action="backup_restored")
        assert (line.actor, line.owner_id, line.app_id) == ("ann", run.owner_id, run.app_id)
        assert (line.data["came_back"], line.data["backup"]) == (5, str(done.backup_id))

    def test_leaves_out_what_the_rules_of_now_refuse(self, run: MigrationRun) -> None:
        App.objects.update(collections=[{"name": "todo", "patterns": ["todo:*"], "type": "number"}])
        done = restore(run, REPLACE)
        assert done.refused > 0
        assert values_of(run.owner)["todo:2"] is None

    def test_asked_again_or_at_once_happens_once(self, run: MigrationRun) -> None:
        key = uuid4()
        first, second = at_once(2, lambda _: restore(run, REPLACE, idempotency_key=key).id)
        assert first == second == restore(run, REPLACE, idempotency_key=key).id
        assert Restoration.objects.count() == AuditLine.objects.filter(action="backup_restored").count() == 1
        with pytest.raises(IdempotencyMismatch):
            restore(run, MISSING, idempotency_key=key)


class TestNothingChangesWhen:
    def test_a_byte_of_the_backup_is_wrong(self, run: MigrationRun) -> None:
        chunk = Chunk.objects.get(run=run)
        sealed = bytearray(chunk.sealed_payload)
        sealed[len(sealed) // 2] ^= 1
        Chunk.objects.filter(id=chunk.id).update(sealed_payload=bytes(sealed))
        self.refuses(run, BackupUnreadable)

    def test_the_digest_is_not_that_of_what_was_sealed(self, run: MigrationRun) -> None:
        Backup.objects.filter(run=run).update(digest=bytes(32))
        self.refuses(run, BackupUnreadable)

    def test_it_is_not_sealed(self, run: MigrationRun) -> None:
        Backup.objects.filter(run=run).update(state=Backup.State.OPEN)
        self.refuses(run, BackupUnreadable)

    def test_it_has_expired(self, run: MigrationRun) -> None:
        long_ago = timezone.now() - timedelta(days=4000)
        Backup.objects.update(created_at=long_ago)
        MigrationRun.objects.update(finished_at=long_ago)
        retention.expire_backups(at=timezone.now())
        self.refuses(run, BackupExpired)

    def test_it_is_of_somebody_else(self, run: MigrationRun) -> None:
        other = make_owner(run.app)
        with pytest.raises(NotFound):
            restore(run, owner_id=other.id)
        assert values_of(other) == {}

    def refuses(self, run: MigrationRun, error: type[Exception]) -> None:
        before = state_of(run.owner)
        with pytest.raises(error):
            restore(run, REPLACE)
        with pytest.raises(error):
            preview(run, REPLACE)
        assert state_of(run.owner) == before
