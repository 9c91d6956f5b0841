import pytest
from django.test import Client
from django.urls import reverse

from migration.models import AuditLine, Backup, Chunk
from tests.factories.doors import account, make_tenant
from tests.factories.uploads import todos
from tests.factories.workers import Worker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def backup() -> Backup:
    account(make_tenant()).upload(todos(12))
    Worker().work_until_done()
    return Backup.objects.get()


def verify(desk: Client, backup: Backup) -> list[str]:
    answer = desk.post(reverse("admin:migration_backup_verify", args=[backup.id]), follow=True)
    return [str(message) for message in answer.context["messages"]]


class TestVerify:
    def test_says_that_a_sound_backup_is_sound(self, desk: Client, backup: Backup) -> None:
        assert verify(desk, backup) == [f"Backup {str(backup.id)[:8]} is sound: 12 entries."]
        verified_before = backup.verified_at or backup.created_at
        backup.refresh_from_db()
        assert backup.verified_at is not None
        assert backup.verified_at > verified_before
        line = AuditLine.objects.get(action="backup_verified")
        assert (line.actor, line.data) == ("admin:ada", {"ok": True, "problems": []})

    def test_says_what_is_wrong_with_a_damaged_one(self, desk: Client, backup: Backup) -> None:
        chunk = Chunk.objects.get()
        damaged = bytearray(chunk.sealed_payload)
        damaged[-1] ^= 1
        Chunk.objects.filter(id=chunk.id).update(sealed_payload=bytes(damaged))

        words = verify(desk, backup)

        assert any(str(chunk.key)[:8] in word for word in words)
        verified_before = backup.verified_at
        backup.refresh_from_db()
        assert backup.verified_at == verified_before
        assert AuditLine.objects.get(action="backup_verified").data["ok"] is False

    def test_of_many_is_an_action_of_the_list(self, desk: Client, backup: Backup) -> None:
        data = {"action": "verify_backups", "_selected_action": [str(backup.id)]}
        desk.post(reverse("admin:migration_backup_changelist"), data)
        assert AuditLine.objects.get(action="backup_verified").target == str(backup.id)

    def test_is_not_done_by_a_link(self, desk: Client, backup: Backup) -> None:
        assert desk.get(reverse("admin:migration_backup_verify", args=[backup.id])).status_code == 405
