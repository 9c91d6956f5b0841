"""Loading commits for real: staging tables and locks mean nothing inside one test transaction."""

from tests.integration.loading.conftest import worker

__all__ = ["worker"]
