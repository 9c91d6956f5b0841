"""The fleet of an app: who stands where, what could be lost with a browser, and whether the old code may go."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from migration.cutover import bucket_of
from migration.models import App, CollectionStage, Device, DeviceOutbox
from migration.reports.devices import DeviceFleet, device_fleet
from migration.states import RunState
from tests.factories.doors import account, make_tenant
from tests.factories.loads import make_app, make_device, make_owner, make_run

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SAFARI = "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15"
CHROME_ON_IOS = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4) AppleWebKit/605.1.15 CriOS/123.0 Mobile/15E148 Safari/604.1"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/123.0.0.0 Safari/537.36"
EDGE = f"{CHROME} Edg/123.0.0.0"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:124.0) Gecko/20100101 Firefox/124.0"


def device_of(app: App, *, agent: str = CHROME, away: timedelta = timedelta(), moved: bool = False) -> Device:
    device = make_device(make_owner(app))
    Device.objects.filter(id=device.id).update(user_agent=agent, last_seen_at=NOON - away)
    if moved:
        make_run(device, state=RunState.COMPLETED)
    return device


def fleet(app: App) -> DeviceFleet:
    return device_fleet(app=app, at=NOON)


def stage(app: App, name: str, **columns: Any) -> None:
    CollectionStage.objects.create(app=app, stage=name, changed_at=NOON, **columns)


class TestStages:
    def test_are_those_that_hold_for_each_device_and_the_furthest_of_an_owner(self) -> None:
        app = make_app()
        stage(app, "server_primary", percentage=10_000)
        stage(app, "shadow", collection="notes")
        both = device_of(app, moved=True)
        make_device(both.owner)
        device_of(app)
        off = device_of(app, moved=True)
        off.owner.switched_off = True
        off.owner.save()
        assert fleet(app).stages == {
            "": {"off": (1, 1), "dual_write": (1, 2), "server_primary": (1, 1)},
            "notes": {"off": (1, 1), "dual_write": (1, 2), "shadow": (1, 1)},
        }

    def test_count_a_ramp_by_the_buckets_browsers_are_told_by(self) -> None:
        app = make_app()
        stage(app, "ramp", percentage=5_000)
        devices = [device_of(app, moved=True) for _ in range(40)]
        served = sum(bucket_of(owner_id=one.owner_id, salt=app.salt) < 5_000 for one in devices)
        found = fleet(app).stages[""]
        assert (found.get("ramp", (0, 0))[1], found.get("shadow", (0, 0))[1]) == (served, 40 - served)


class TestBrowsers:
    def test_are_told_apart_and_what_safari_clears_is_at_risk(self) -> None:
        app = make_app()
        for agent in (SAFARI, CHROME_ON_IOS, CHROME, EDGE, FIREFOX, ""):
            device_of(app, agent=agent, away=9 * DAY)
        device_of(app, agent=SAFARI, away=5 * DAY)
        device_of(app, agent=SAFARI, moved=True, away=20 * DAY)
        told = {(one.browser, one.visit): (one.devices, one.unmoved, one.risk) for one in fleet(app).visits}
        assert told == {
            ("Safari", "within 30 days"): (3, 2, "high"),
            ("Safari", "within 7 days"): (1, 1, "near"),
            ("Chrome", "within 30 days"): (1, 1, "low"),
            ("Edge", "within 30 days"): (1, 1, "low"),
            ("Firefox", "within 30 days"): (1, 1, "low"),
            ("other", "within 30 days"): (1, 1, "low"),
        }


class TestTheVerdict:
    def done(self) -> App:
        app = make_app()
        stage(app, "complete", percentage=10_000)
        device_of(app, moved=True)
        return app

    def test_is_yes_where_nothing_is_left(self) -> None:
        app = self.done()
        device_of(app, away=40 * DAY)  # no longer waited for
        found = fleet(app)
        assert (found.may_delete, found.away, found.unmoved) == (True, 1, 0)

    def test_is_no_with_its_number_for_each_thing_that_is_left(self) -> None:
        app = self.done()
        stage(app, "server_primary", collection="notes", percentage=10_000)
        late = device_of(app, away=3 * DAY)
        DeviceOutbox.objects.create(
            device_id=late.id, app_id=app.id, owner=late.owner, stage="", count=7, bytes=900, oldest_seconds=1,
            errors=0, at=NOON,
        )  # fmt: skip
        found = fleet(app)
        assert not found.may_delete
        assert [(one.figure, one.passed) for one in found.questions] == [
            *((1, False), (0, True), (1, False), (7, False)),
            *((0, True), (0, True)),
        ]
        assert [one.device_id for one in found.stragglers] == [late.id]
        assert (found.waiting_devices, found.waiting_writes, found.waiting_bytes) == (1, 7, 900)

    def test_counts_nothing_of_other_apps(self) -> None:
        app = self.done()
        device_of(make_app())
        assert fleet(app).may_delete


class TestLastSeen:
    def test_of_a_device_is_noted_once_an_hour(self) -> None:
        tenant = make_tenant()
        browser = account(tenant)
        browser.get("/records")
        Device.objects.update(last_seen_at=timezone.now() - timedelta(minutes=50))
        browser.get("/records")
        assert timezone.now() - Device.objects.get().last_seen_at > timedelta(minutes=49)  # type: ignore[operator]
        Device.objects.update(last_seen_at=NOON)
        browser.get("/records")
        assert timezone.now() - Device.objects.get().last_seen_at < timedelta(minutes=1)  # type: ignore[operator]


class TestThePage:
    def page(self, app: App, **user: Any) -> Any:
        client = Client()
        client.force_login(User.objects.create(username=uuid4().hex, is_staff=True, **user))
        return client.get(reverse("admin:migration_fleet", args=[app.id]))

    def test_shows_verdict_stages_and_hostile_words_as_words(self) -> None:
        app = make_app()
        App.objects.filter(id=app.id).update(name="<script>alert(1)</script>")
        stage(app, "shadow", collection="<img src=x onerror=alert(1)>")
        device_of(app, agent="<b>Safari/")
        html = self.page(app, is_superuser=True).content.decode()
        assert "No, not yet." in html
        assert "<script>alert(1)" not in html
        assert "<img src=x" not in html
        assert "&lt;img src=x onerror=alert(1)&gt;" in html

    def test_is_for_staff_of_the_app_alone(self) -> None:
        assert self.page(make_app()).status_code == 403
