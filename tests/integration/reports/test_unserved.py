"""Whom a panic does not serve: by what each browser holds, and whether it hears of it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from migration.cutover import bucket_of
from migration.models import App, Device, Owner
from migration.reports import unserved_by_panic
from tests.factories.loads import at_stage, give_receipt, make_app, make_device, make_owner

pytestmark = pytest.mark.django_db
NOW = timezone.now()
SAFARI = "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Version/17.4 Safari/605.1.15"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36"


@pytest.fixture
def app() -> App:
    return make_app(collections=[{"name": "notes", "patterns": ["n:*"]}])


def seen(app: App, *, ago: timedelta, receipt: bool = True, agent: str = CHROME, owner: Owner | None = None) -> Device:
    device = make_device(owner or make_owner(app))
    Device.objects.filter(id=device.id).update(last_seen_at=NOW - ago, user_agent=agent)
    if receipt:
        give_receipt(device)
    return device


def unserved(app: App) -> dict[Any, str]:
    found = unserved_by_panic(app=App.objects.get(id=app.id), at=NOW)
    assert sum(devices for devices, _ in found.counts.values()) == len(found.listed)
    return {one.device_id: one.reason for one in found.listed}


class TestUnserved:
    def test_is_nobody_where_the_server_answers_nobody(self, app: App) -> None:
        seen(app, ago=timedelta(days=20), agent=SAFARI)
        for stage in ("off", "dual_write", "shadow"):
            at_stage(app, stage)
            assert unserved(app) == {}

    def test_is_who_has_likely_been_cleared_is_away_or_has_but_a_cache(self, app: App) -> None:
        cleared = seen(app, ago=timedelta(days=8), agent=SAFARI)
        away = seen(app, ago=timedelta(hours=5))
        seen(app, ago=timedelta(minutes=5))
        seen(app, ago=timedelta(days=8))
        stray = seen(app, ago=timedelta(hours=5), receipt=False)
        at_stage(app, "server_primary", percentage=10_000)
        assert unserved(app) == {cleared.id: "cleared", away.id: "away"}
        at_stage(app, "complete", percentage=10_000, collection="notes")
        told = unserved(app)
        assert (told.pop(cleared.id), told.pop(stray.id)) == ("cleared", "straggler")
        assert set(told.values()) == {"complete"}
        assert len(told) == 3

    def test_counts_owners_once_and_says_when_a_lease_ends(self, app: App) -> None:
        owner = make_owner(app)
        devices = [seen(app, ago=timedelta(hours=hours), owner=owner) for hours in (9, 5)]
        at_stage(app, "server_primary", percentage=10_000)
        found = unserved_by_panic(app=app, at=NOW)
        assert found.counts == {"away": (2, 1)}
        assert [one.device_id for one in found.listed] == [one.id for one in devices]
        assert found.listed[0].until == NOW - timedelta(hours=9) + timedelta(days=1)
        App.objects.filter(id=app.id).update(limits={"read_lease_seconds": 6 * 3600})
        assert set(unserved(app)) == {devices[1].id}

    def test_is_nobody_beyond_the_share_of_a_ramp_nor_who_is_off_or_erased(self, app: App) -> None:
        devices = [seen(app, ago=timedelta(hours=5)) for _ in range(6)]
        buckets = {one.id: bucket_of(owner_id=one.owner_id, salt=app.salt) for one in devices}
        bound = sorted(buckets.values())[3]
        at_stage(app, "ramp", percentage=bound)
        served = {device for device, bucket in buckets.items() if bucket < bound}
        assert set(unserved(app)) == served
        first, second = sorted(served, key=str)[:2]
        Owner.objects.filter(devices=first).update(switched_off=True)
        Owner.objects.filter(devices=second).update(kind="erased")
        assert set(unserved(app)) == served - {first, second}

    def test_lists_no_more_than_was_asked_for_and_counts_all(self, app: App) -> None:
        for hours in range(3, 8):
            seen(app, ago=timedelta(hours=hours))
        at_stage(app, "server_primary", percentage=10_000)
        found = unserved_by_panic(app=app, at=NOW, most=2)
        assert (found.counts["away"], len(found.listed)) == ((5, 5), 2)
        assert found.as_data()["counts"] == {"away": {"devices": 5, "owners": 5}}
