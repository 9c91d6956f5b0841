"""Loading commits for real: staging tables, locks and fences mean nothing inside one test transaction."""

import pytest
from django.db import connection

from tests.factories.workers import Worker


@pytest.fixture
def worker(transactional_db: None) -> Worker:
    """A worker on this thread's connection, whose commits do not wait for the disk."""
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
    return Worker()
