"""A folder of its own for each test that starts servers, and eyes for what they leave behind."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncserver.stack import Stack, accounts
from tests.stack.supervised import Supervised


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """An empty data folder; what had to lie outside of it (see `accounts.home_for`) is removed as well."""
    yield tmp_path / "stack"
    shutil.rmtree(accounts.outside(tmp_path / "stack"), ignore_errors=True)


@pytest.fixture
def servers(root: Path) -> Iterator[Stack]:
    """Postgres and Redis of the test's own."""
    with Stack(root=root, workers=0, web=None, sweeper=False) as stack:
        yield stack


@pytest.fixture
def supervised(root: Path) -> Iterator[Supervised]:
    """`python -m syncserver.stack` as a process of its own, not started yet."""
    process = Supervised(root=root)
    yield process
    process.end()
