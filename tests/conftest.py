"""What every test starts from."""

from collections.abc import Iterator
from typing import Any

import pytest

from migration.api import configuration, cors, limits
from migration.reports import rehearsals


@pytest.fixture(autouse=True)
def _fresh_memory(settings: Any) -> Iterator[None]:
    """Nothing one test made the process remember reaches the next, and no test runs into another's rate limit."""
    settings.MIGRATION = {
        "GUEST_SESSIONS_PER_MINUTE": "1000000",
        "REQUESTS_PER_MINUTE": "1000000",
        "GUEST_REQUESTS_PER_MINUTE": "1000000",
        "ADDRESS_REQUESTS_PER_MINUTE": "0",
        "ADDRESS_REFUSALS_PER_MINUTE": "0",
        **settings.MIGRATION,
    }
    cors.known_origins.forget()
    configuration.forget()
    limits.limiter.forget()
    rehearsals.forget()
    yield
    cors.known_origins.forget()
