"""How far the clocks of a server and of its database lie apart."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from migration.reports import vitals

pytestmark = pytest.mark.django_db


class ShiftedClock:
    """A clock that is so many seconds ahead."""

    def __init__(self, seconds: float) -> None:
        self._ahead = timedelta(seconds=seconds)

    def now(self) -> Any:
        return timezone.now() + self._ahead


def slowly(execute: Any, *asked: Any) -> Any:
    time.sleep(0.2)
    answer = execute(*asked)
    time.sleep(0.2)
    return answer


class TestClocks:
    def test_do_not_differ_because_the_answer_takes_long(self) -> None:
        with connection.execute_wrapper(slowly):
            assert vitals.clock_skew_seconds() == 0

    @pytest.mark.parametrize("seconds", [-30.0, 30.0])
    def test_that_differ_are_told_by_how_much(self, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(vitals, "timezone", ShiftedClock(seconds))
        assert vitals.clock_skew_seconds() == pytest.approx(seconds, abs=5)
