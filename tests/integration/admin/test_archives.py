"""Work on archives and settings, steered from the admin: what is wished takes hold, is audited, and needs rights."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from migration.models import ArchiveJob, AuditLine, Tuning
from tests.factories.loads import make_app

pytestmark = pytest.mark.django_db
LIST = "admin:migration_tuning_changelist"


@pytest.fixture
def job() -> ArchiveJob:
    now = timezone.now()
    return ArchiveJob.objects.create(
        app=make_app(),
        kind="restore",
        source="/a",
        total=100,
        done=40,
        actor="command:ada",
        created_at=now,
        updated_at=now,
        status={
            "batch": 10,
            "reason": "larger",
            "strategy": "copy: all new",
            "throttle": "queue: 90 s",
            "priority": "low",
            "breaker": "half_open",
            "lost": 3,
        },
    )


def steer(desk: Client, job: ArchiveJob, verb: str) -> int:
    return desk.post(reverse("admin:migration_archivejob_steer", args=[job.id, verb])).status_code


class TestArchives:
    def test_the_page_says_how_far_it_is_and_what_it_waits_for(self, desk: Client, job: ArchiveJob) -> None:
        html = desk.get(reverse("admin:migration_archivejob_change", args=[job.id])).content.decode()

        for words in (
            "40 of 100",
            "queue: 90 s",
            "copy: all new",
            "low",
            "half open",
            "asked in vain 3 times",
            "Pause",
            "Cancel",
        ):
            assert words in html

    def test_wishes_are_written_and_audited(self, desk: Client, job: ArchiveJob) -> None:
        assert steer(desk, job, "pause") == 302
        job.refresh_from_db()
        assert job.pause_wished
        steer(desk, job, "resume")
        steer(desk, job, "cancel")
        job.refresh_from_db()
        assert (job.pause_wished, job.cancel_wished, job.state) == (False, True, "running")
        assert set(AuditLine.objects.values_list("actor", flat=True)) == {"admin:ada"}
        assert AuditLine.objects.filter(target=job.id).count() == 3

    def test_what_has_ended_takes_no_wish(self, desk: Client, job: ArchiveJob) -> None:
        ArchiveJob.objects.update(state="done")

        steer(desk, job, "cancel")

        job.refresh_from_db()
        assert not job.cancel_wished

    def test_need_the_right_and_reach_only_ones_own_apps(self, job: ArchiveJob) -> None:
        watcher = User.objects.create(username="watcher", is_staff=True)
        watcher.user_permissions.set(Permission.objects.filter(codename="view_archivejob"))
        client = Client()
        client.force_login(watcher)
        assert steer(client, job, "pause") == 403
        watcher.user_permissions.add(Permission.objects.get(codename="change_archivejob"))
        assert steer(client, job, "pause") == 404
        job.app.staff.add(watcher)
        assert steer(client, job, "pause") == 302


class TestSettings:
    def test_are_changed_and_given_back(self, desk: Client) -> None:
        address = reverse("admin:migration_tuning_set")

        desk.post(address, {"name": "BATCH_ENTRIES", "value": "77"})
        assert 'value="77"' in desk.get(reverse(LIST)).content.decode()
        desk.post(address, {"name": "BATCH_ENTRIES", "value": "<b>"})
        assert Tuning.objects.get().value == "77", "what makes no sense changes nothing"
        desk.post(address, {"name": "BATCH_ENTRIES", "reset": ""})

        assert not Tuning.objects.exists()
        assert AuditLine.objects.filter(action="setting_changed", actor="admin:ada").count() == 2

    def test_stand_beside_room_and_breakers(self, desk: Client) -> None:
        assert "Breakers of this process: postgres closed, redis closed." in desk.get(reverse(LIST)).content.decode()

    def test_are_for_superusers_alone(self) -> None:
        watcher = User.objects.create(username="watcher", is_staff=True)
        watcher.user_permissions.set(Permission.objects.filter(codename__in=["view_tuning", "change_tuning"]))
        client = Client()
        client.force_login(watcher)

        assert "BATCH_ENTRIES" not in client.get(reverse(LIST)).content.decode()
        refused = client.post(reverse("admin:migration_tuning_set"), {"name": "BATCH_ENTRIES", "value": "1"})
        assert refused.status_code == 403
        assert not Tuning.objects.exists()
