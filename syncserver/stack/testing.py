"""A pytest plugin (`-p syncserver.stack.testing`): real Postgres and Redis for a test run started by hand.

Uses DATABASE_URL and REDIS_URL, else the stack that runs in this checkout, else servers of its own that last as
long as the run. It works before Django reads its settings, hence a plugin and not a fixture.
"""

import os

import pytest

from syncserver.stack import PROJECT, Stack, running

KEY = pytest.StashKey[Stack]()


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Set DATABASE_URL and REDIS_URL, starting servers if there are none."""
    running.adopt(PROJECT / ".stack")
    if "DATABASE_URL" in os.environ and "REDIS_URL" in os.environ:
        return
    stack = Stack(
        workers=0,
        web=None,
        sweeper=False,
        database_url=os.environ.get("DATABASE_URL"),
        redis_url=os.environ.get("REDIS_URL"),
        shared=True,
    )
    early_config.stash[KEY] = stack
    stack.open()
    # Workers of pytest-xdist inherit these.
    os.environ["DATABASE_URL"], os.environ["REDIS_URL"] = stack.database_url, stack.redis_url


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers that were started for this run."""
    stack = config.stash.get(KEY, None)
    if stack is not None:
        stack.close()
