"""A pytest plugin (`-p syncserver.stack.testing`): real Postgres and Redis for a test run started by hand.

Uses DATABASE_URL and REDIS_URL, else the stack that runs in this checkout, else servers of its own that last as
long as the run. It works before Django reads its settings, hence a plugin and not a fixture.
"""

import os
import secrets

import pytest

from syncserver.stack import PROJECT, Stack, redis, running

STACK = pytest.StashKey[Stack]()
CLAIMED = pytest.StashKey[str]()


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Set DATABASE_URL and REDIS_URL, starting servers if there are none."""
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        _set_apart(early_config, worker)
        return
    # Several processes must agree on the order of parameters that come out of a set.
    os.environ.setdefault("PYTHONHASHSEED", str(secrets.randbelow(2**32)))
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
    early_config.stash[STACK] = stack
    stack.open()
    # Workers of pytest-xdist inherit these.
    os.environ["DATABASE_URL"], os.environ["REDIS_URL"] = stack.database_url, stack.redis_url


def _set_apart(config: pytest.Config, worker: str) -> None:
    """Give one of several test processes a Redis of its own (pytest-django gives it a database of its own)."""
    url = redis.claim_database(os.environ["REDIS_URL"])
    config.stash[CLAIMED] = os.environ["REDIS_URL"] = url
    # Publish/subscribe ignores database numbers.
    os.environ["MIGRATION_CHANNEL_PREFIX"] = f"syncserver-{worker}"


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers that were started for this run, and give back what was claimed."""
    if (url := config.stash.get(CLAIMED, None)) is not None:
        redis.release_database(url)
    if (stack := config.stash.get(STACK, None)) is not None:
        stack.close()
