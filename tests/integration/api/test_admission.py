"""Where there is no room, uploads are put off with a time to come back; everything else goes on."""

from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone

from migration.loading import monitor
from migration.loading.monitor import Readings
from migration.orchestration import throttling
from migration.orchestration.tuning import tune
from tests.factories.doors import Browser, guest, make_tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def reading(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Look before every upload; what is read is real but for what a test says of it."""
    settings.MIGRATION = {**settings.MIGRATION, "ROOM_SECONDS": "0.000001"}

    def say(**columns: Any) -> None:
        real = monitor.read_all
        monkeypatch.setattr(throttling, "read_all", lambda: replace(real(), **columns))

    return say


@pytest.fixture
def browser(transactional_db: None) -> Browser:
    return guest(make_tenant())


def test_uploads_are_put_off_with_a_cause_and_a_time(reading: Any, browser: Browser) -> None:
    reading(queue_seconds=10_000.0)

    refused = browser.create({"a": "1"})

    assert refused.status_code == 503
    told = refused.json()
    assert (told["code"], told["cause"]) == ("unavailable", "queue")
    assert refused.headers["Retry-After"] == str(told["retry_after"])
    assert 1 <= told["retry_after"] <= 75


def test_everything_but_uploads_goes_on(reading: Any, browser: Browser) -> None:
    reading(queue_seconds=10_000.0)

    assert browser.get("/runs").status_code == 200


def test_who_is_taken_shortly_before_the_limit_is_asked_to_pause(reading: Any, browser: Browser) -> None:
    reading(queue_seconds=110.0)

    taken = browser.create({"a": "1"})

    assert taken.status_code == 201
    assert int(taken.headers["Backoff"]) >= 1


def test_where_there_is_room_nobody_is_asked_for_anything(reading: Any, browser: Browser) -> None:
    reading(queue_seconds=0.0, memory_share=0.1, commit_seconds=0.0, connections_share=0.1)

    taken = browser.create({"a": "1"})

    assert taken.status_code == 201
    assert "Backoff" not in taken.headers


def test_the_limit_is_changed_without_a_restart(reading: Any, browser: Browser) -> None:
    reading(queue_seconds=10_000.0, memory_share=0.1, commit_seconds=0.0, connections_share=0.1)
    assert browser.create({"a": "1"}).status_code == 503

    tune("ROOM_QUEUE_SECONDS", "0", actor="test", at=timezone.now())

    assert browser.create({"a": "1"}).status_code == 201


def test_what_is_read_is_what_is(transactional_db: None) -> None:
    now = monitor.read_all()

    assert isinstance(now, Readings)
    assert 0 < now.memory_share < 1
    assert now.process_bytes > 10_000_000
    assert 0 < now.connections_share <= 1
    assert now.commit_seconds > 0
    assert now.queue_seconds == 0
