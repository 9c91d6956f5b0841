"""Faults armed within this process."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from migration.config import faults


@pytest.fixture
def fault(settings: Any) -> Callable[[str, int], AbstractContextManager[None]]:
    """Return a context in which the n-th passing of a fault point raises."""

    @contextmanager
    def armed(point: str, passing: int) -> Iterator[None]:
        before = settings.MIGRATION
        settings.MIGRATION = {**before, "FAULTS": f"{point}:{passing}:raise"}
        faults._armed.cache_clear()
        faults._passed.clear()
        try:
            yield
        finally:
            settings.MIGRATION = before
            faults._armed.cache_clear()

    return armed
