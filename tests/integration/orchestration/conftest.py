"""Verification and rollback commit for real: temporary tables and locks mean nothing inside one test transaction."""

import pytest

from tests.factories.workers import Worker


@pytest.fixture
def worker(transactional_db: None) -> Worker:
    """A worker on this thread's connection."""
    return Worker()
