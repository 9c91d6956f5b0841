"""An operator's way with a backup: taken home, written back after a preview, refused where it cannot be read."""

import gzip
import json
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from migration.models import AuditLine, Backup, Chunk, MigrationRun, Restoration
from tests.factories.held import values_of
from tests.factories.loads import make_device
from tests.factories.runs import completed_run
from tests.factories.workers import Worker

BEFORE = {"todo:1": '{"n":1}', "todo:2": '{"n":2}', "todo:3": '{"n":3}'}


@pytest.fixture
def desk(transactional_db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create(username="ada", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def backup(transactional_db: None) -> Backup:
    """A backup whose owner has deleted one of its entries and changed another since."""
    device, worker = make_device(), Worker()
    run = completed_run(worker, BEFORE, device=device)
    completed_run(worker, {"todo:2": '{"n":"changed"}', "todo:3": None}, device=device, seq=9)
    return Backup.objects.get(run=run)


def page(name: str, backup: Backup) -> str:
    return reverse(f"admin:migration_backup_{name}", args=[backup.id])


def form(backup: Backup, **members: str) -> dict[str, str]:
    return {"word": str(backup.id)[:8], "idempotency_key": str(uuid4()), **members}


class TestRestoring:
    def test_says_what_would_come_back_and_changes_nothing(self, desk: Client, backup: Backup) -> None:
        html = desk.get(page("restore", backup)).content.decode()
        assert "come back" in html
        assert "are kept" in html
        assert "are replaced" in desk.get(page("restore", backup) + "?mode=replace").content.decode()
        assert not Restoration.objects.exists()

    @pytest.mark.parametrize(("mode", "second"), [("missing", '{"n":"changed"}'), ("replace", '{"n":2}')])
    def test_is_done_once_the_id_was_typed(self, mode: str, second: str, desk: Client, backup: Backup) -> None:
        assert desk.post(page("restore", backup), form(backup, mode=mode, word="restore")).status_code == 422
        sent = form(backup, mode=mode)
        for _ in range(2):
            assert desk.post(page("restore", backup), sent).status_code == 302
        assert values_of(backup.run.owner) == {**BEFORE, "todo:2": second}
        assert Restoration.objects.get().actor == "admin:ada"

    def test_of_a_damaged_backup_is_refused(self, desk: Client, backup: Backup) -> None:
        Chunk.objects.filter(run_id=backup.run_id).update(sealed_payload=b"damaged" * 9)
        before = values_of(backup.run.owner)
        assert desk.get(page("restore", backup)).status_code == 302
        assert desk.post(page("restore", backup), form(backup)).status_code == 302
        assert values_of(backup.run.owner) == before


class TestTakingHome:
    def test_gives_every_entry_and_is_audited(self, desk: Client, backup: Backup) -> None:
        answer: Any = desk.post(page("download", backup))
        with closing(answer):
            lines = gzip.decompress(b"".join(answer.streaming_content)).splitlines()
        assert dict(json.loads(line) for line in lines) == BEFORE
        assert AuditLine.objects.filter(action="backup_downloaded", actor="admin:ada").count() == 1

    def test_is_no_address_to_look_at(self, desk: Client, backup: Backup) -> None:
        assert desk.get(page("download", backup)).status_code == 405


class TestAnExpiredBackup:
    @pytest.mark.parametrize("name", ["verify", "download", "restore"])
    def test_is_told_of_instead_of_read(self, name: str, desk: Client, backup: Backup) -> None:
        Backup.objects.filter(id=backup.id).update(state=Backup.State.EXPIRED)
        answer = desk.post(page(name, backup), form(backup), follow=True)
        assert answer.status_code == 200
        assert "no more" in answer.content.decode()
        assert MigrationRun.objects.filter(id=backup.run_id).exists()
