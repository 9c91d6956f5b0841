"""A process that cannot reach Postgres leaves it alone for a moment, says so, and notices when it is back."""

from typing import Any

import pytest
from django.db import InterfaceError, OperationalError

from migration.loading import monitor
from migration.orchestration import throttling
from migration.orchestration.throttling import Throttle


@pytest.mark.django_db
def test_the_breaker_opens_after_three_looks_in_vain_and_closes_with_the_first_that_is_not(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MIGRATION = {**settings.MIGRATION, "ROOM_SECONDS": "0.000001"}
    throttle, now, looks = Throttle(), [1_000.0], 0
    errors: list[Exception | None] = [OperationalError(), InterfaceError(), OperationalError(), None]

    def look() -> monitor.Readings:
        nonlocal looks
        error, looks = errors[looks], looks + 1
        if error:
            raise error
        return monitor.Readings()

    monkeypatch.setattr(throttling, "read_all", look)
    monkeypatch.setattr(throttling.time, "monotonic", lambda: now[0])

    states = []
    for _ in range(3):
        now[0] += 0.01
        assert not throttle.verdict().throttles, "whoever works finds out by itself"
        states.append(throttle.breaker)
    assert states == ["closed", "closed", "open"]
    now[0] += 0.5
    throttle.verdict()
    assert looks == 3, "it is left alone"
    now[0] += 0.6
    assert throttle.breaker == "half_open"
    throttle.verdict()
    assert (throttle.breaker, looks) == ("closed", 4)
