"""Uploads wait for their turn instead of filling the memory."""

import threading
import time

import pytest

from migration.api.memory import Budget
from migration.errors import Unavailable
from tests.factories.doors import at_once

pytestmark = pytest.mark.django_db  # a waiting request lets its connection go


class TestABudget:
    def test_is_never_overdrawn(self) -> None:
        budget, held, most, lock = Budget(100), [0], [0], threading.Lock()

        def upload(_: int) -> None:
            with budget.hold(30):
                with lock:
                    held[0] += 30
                    most[0] = max(most[0], held[0])
                time.sleep(0.01)
                with lock:
                    held[0] -= 30

        at_once(12, upload)
        assert (held[0], most[0]) == (0, 90)

    def test_lets_what_is_larger_than_all_of_it_work_alone(self) -> None:
        budget = Budget(100)
        with budget.hold(5_000), pytest.raises(Unavailable), budget.hold(1, patience=0.01):
            pass

    def test_tells_when_to_come_back(self) -> None:
        budget = Budget(10)
        with budget.hold(10), pytest.raises(Unavailable) as refused, budget.hold(1, patience=0.01):
            pass
        assert refused.value.extras == {"retry_after": 2}

    def test_is_whole_again_after_a_failure(self) -> None:
        budget = Budget(10)
        with pytest.raises(KeyError), budget.hold(10):
            raise KeyError
        with budget.hold(10, patience=0.01):
            pass
