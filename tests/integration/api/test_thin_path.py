"""The shortest way from a token to a sealed upload."""

import pytest

from migration.models import Backup, Chunk, MigrationRun, RollbackPoint
from tests.factories.doors import account, guest, make_tenant
from tests.factories.uploads import chunk_of, manifest_of, todos

pytestmark = pytest.mark.django_db


class TestThinPath:
    def test_a_guest_uploads_and_seals(self) -> None:
        entries, browser = todos(20), guest(make_tenant())
        created = browser.create(entries)
        assert created.status_code == 201
        run_id = created.json()["id"]
        chunk = chunk_of(entries)
        stored = browser.put(run_id, chunk)
        assert (stored.status_code, stored.json()) == (201, {"id": chunk.id, "status": "stored", "seq": 1})
        sealed = browser.seal(run_id, manifest_of(entries)).json()
        assert (sealed["state"], sealed["sealed"], sealed["entries"]["received"]) == ("transferring", True, 20)
        assert browser.get(f"/runs/{run_id}").json()["number"] == sealed["number"]

    def test_an_account_needs_one_request_when_chunks_and_seal_come_along(self) -> None:
        entries, browser = todos(20), account(make_tenant())
        answer = browser.create(entries, chunks=[chunk_of(entries).inline()], seal=True)
        assert answer.status_code == 201
        assert answer.json()["state"] == "transferring"
        assert answer.json()["sealed"] is True
        assert Chunk.objects.get().entries == 20

    def test_a_run_comes_with_backup_and_rollback_point(self) -> None:
        browser = account(make_tenant())
        browser.create()
        run = MigrationRun.objects.get()
        assert Backup.objects.get().run_id == run.id
        assert RollbackPoint.objects.get().revision == run.start_revision == 0

    @pytest.mark.parametrize("members", [{"dry_run": True}, {"purpose": "backup"}])
    def test_what_writes_no_record_needs_no_point(self, members: dict[str, object]) -> None:
        account(make_tenant()).create(**members)
        assert Backup.objects.count() == 1
        assert not RollbackPoint.objects.exists()

    def test_an_empty_browser_goes_straight_to_verification(self) -> None:
        browser = account(make_tenant())
        run_id = browser.create().json()["id"]
        assert browser.seal(run_id, manifest_of({})).json()["state"] == "verifying"
