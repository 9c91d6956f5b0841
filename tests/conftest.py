"""What every test starts from."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import hypothesis
import pytest
from django.test import TransactionTestCase

from migration import lifecycle
from migration.api import configuration, cors, limits
from migration.config import faults, tuning
from migration.orchestration import work
from migration.orchestration.throttling import throttle
from migration.progress.channel import channel
from migration.reports import rehearsals
from tests.emptying import empty_tables

# An example takes as long as the machine lets it: that it is held up is not the example's fault.
hypothesis.settings.register_profile(
    "patient", hypothesis.settings(), deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")


@pytest.fixture(autouse=True, scope="session")
def _quickly_emptied() -> Iterator[None]:
    """After a test that commits only what it filled is emptied."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(TransactionTestCase, "_fixture_teardown", empty_tables)
        yield


@pytest.fixture(autouse=True)
def _fresh_memory(settings: Any) -> Iterator[None]:
    """Nothing one test made the process remember reaches the next, and no test runs into another's rate limit or waits
    because the machine that runs it is busy."""
    settings.MIGRATION = {
        "GUEST_SESSIONS_PER_MINUTE": "1000000",
        "REQUESTS_PER_MINUTE": "1000000",
        "GUEST_REQUESTS_PER_MINUTE": "1000000",
        "ADDRESS_REQUESTS_PER_MINUTE": "0",
        "ADDRESS_REFUSALS_PER_MINUTE": "0",
        "ROOM_SECONDS": "0",
        "REDIS_TIMEOUT": "20",
        **settings.MIGRATION,
    }
    cors.known_origins.forget()
    configuration.forget()
    limits.limiter.forget()
    rehearsals.forget()
    throttle.forget()
    tuning.forget()
    channel.cache_clear()
    work._company = lifecycle.Company()
    yield
    cors.known_origins.forget()


@pytest.fixture
def armed(settings: Any) -> Callable[..., AbstractContextManager[None]]:
    """Return a context in which faults (`NAME:N:ACTION[:MATCH],…`) are armed in this very process."""

    @contextmanager
    def arm(text: str, *, once: str = "") -> Iterator[None]:
        before = settings.MIGRATION
        settings.MIGRATION = {**before, "FAULTS": text, "FAULTS_ONCE": once}
        faults.forget()
        try:
            yield
        finally:
            settings.MIGRATION = before
            faults.forget()

    return arm
