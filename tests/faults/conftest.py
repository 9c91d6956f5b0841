"""One stack for all of it: every test breaks something and leaves it whole."""

import logging
from collections.abc import Iterator

import pytest

from tests.faults.world import World, a_world


@pytest.fixture(scope="session")
def _whole_stack() -> Iterator[World]:
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with a_world() as world:
        yield world
        world.tell_times()


@pytest.fixture
def world(_whole_stack: World) -> Iterator[World]:
    """The stack with nobody in front of it yet."""
    yield _whole_stack
    _whole_stack.send_home()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder."""
    for item in items:
        if "tests/faults/" in item.nodeid:
            item.add_marker(pytest.mark.faults)
