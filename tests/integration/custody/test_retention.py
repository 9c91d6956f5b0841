"""Backups are kept as many days as their app says; then nobody can read them, and nothing else changes."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from migration.errors import BackupExpired
from migration.models import App, AuditLine, Backup, Chunk, MigrationRun, QuarantineEntry
from migration.orchestration import MigrationOrchestrator, retention, retrieving
from migration.states import RunState
from tests.factories.held import values_of
from tests.factories.runs import completed_run
from tests.factories.uploads import todos
from tests.factories.workers import Worker

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)


@pytest.fixture
def run() -> MigrationRun:
    """A completed run whose backup was made and finished 31 days ago, of an app that keeps backups 30."""
    run = completed_run(Worker(), todos(6))
    long_ago = timezone.now() - 31 * DAY
    Backup.objects.update(created_at=long_ago)
    MigrationRun.objects.update(finished_at=long_ago)
    return run


def kept() -> bool:
    return all(bytes(chunk.sealed_payload) and bytes(chunk.wrapped_key) for chunk in Chunk.objects.all())


class TestABackup:
    def test_becomes_unreadable_when_a_sweep_finds_it_too_old(self, run: MigrationRun) -> None:
        rows = list(Chunk.objects.values("id", "entries", "payload_bytes", "loaded_at"))
        assert MigrationOrchestrator().sweep(at=timezone.now())
        backup = Backup.objects.get()
        assert backup.state == "expired"
        assert backup.expired_at is not None
        assert {(bytes(one.sealed_payload), bytes(one.wrapped_key)) for one in Chunk.objects.all()} == {(b"", b"")}
        assert list(Chunk.objects.values("id", "entries", "payload_bytes", "loaded_at")) == rows
        for read in (
            lambda: retrieving.download_backup(owner_id=run.owner_id, backup_id=backup.id),
            lambda: retrieving.verify_backup(owner_id=run.owner_id, backup_id=backup.id, at=timezone.now()),
        ):
            with pytest.raises(BackupExpired):
                read()
        assert values_of(run.owner) == todos(6)
        line = AuditLine.objects.get(action="backup_expired")
        assert (line.owner_id, line.app_id, line.data) == (run.owner_id, run.app_id, {"chunks": 1})

    def test_expires_once(self, run: MigrationRun) -> None:
        assert [retention.expire_backups(at=timezone.now()) for _ in range(2)] == [1, 0]

    @pytest.mark.parametrize("days", [None, 32])
    def test_is_kept_as_long_as_its_app_says(self, days: int | None, run: MigrationRun) -> None:
        App.objects.update(backup_days=days)
        assert retention.expire_backups(at=timezone.now()) == 0
        assert kept()

    @pytest.mark.parametrize("state", [one for one in RunState if one not in ("completed", "rolled_back")])
    def test_of_a_run_that_is_not_over_is_kept(self, state: str, run: MigrationRun) -> None:
        MigrationRun.objects.update(state=state)
        assert retention.expire_backups(at=timezone.now()) == 0
        assert kept()

    def test_that_refused_entries_point_into_is_kept_until_they_are_closed(self, run: MigrationRun) -> None:
        chunk = Chunk.objects.get()
        given: dict[str, Any] = {"seq": 1, "key_hash": bytes(32), "fingerprint": bytes(32), "line": b'["a","b"]'}
        refused = QuarantineEntry.objects.create(
            run=run, app_id=run.app_id, owner_id=run.owner_id, chunk_id=chunk.id, ordinal=0, collection="todo",
            code="poison", created_at=timezone.now(), **given,
        )  # fmt: skip
        assert retention.expire_backups(at=timezone.now()) == 0
        assert kept()
        QuarantineEntry.objects.filter(id=refused.id).update(state="discarded")
        assert retention.expire_backups(at=timezone.now()) == 1

    def test_goes_a_few_at_a_time(self, run: MigrationRun, monkeypatch: pytest.MonkeyPatch) -> None:
        worker = Worker()
        for _ in range(2):
            completed_run(worker, todos(1))
        Backup.objects.update(created_at=timezone.now() - 40 * DAY)
        MigrationRun.objects.update(finished_at=timezone.now() - 40 * DAY)
        monkeypatch.setattr(retention, "MOST", 2)
        assert [retention.expire_backups(at=timezone.now()) for _ in range(3)] == [2, 1, 0]
