"""Who runs the stack of a folder: one lock, one note with the addresses."""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from syncserver.stack.errors import StackError


class AlreadyRuns(StackError):
    """The stack of this folder already runs."""


def _lock(root: Path) -> Path:
    return root / "lock"


def _note(root: Path) -> Path:
    return root / "running.json"


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Hold the folder as long as the block runs; raises AlreadyRuns. The kernel frees it when we die."""
    root.mkdir(parents=True, exist_ok=True)
    with _lock_file(root) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            where = read(root).get("url") or "starting"
            raise AlreadyRuns(f"the stack already runs in {root}: {where}") from None
        _note(root).unlink(missing_ok=True)
        try:
            yield
        finally:
            _note(root).unlink(missing_ok=True)


def _lock_file(root: Path) -> TextIO:
    """The open lock file of `root`. A new one is locked before it gets its name, or it would look abandoned."""
    aside = root / f"lock.{secrets.token_hex(8)}"
    lock = aside.open("x")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.link(aside, _lock(root))
    except OSError:
        # There is one of an earlier run; or the file system knows no links.
        lock.close()
        return _lock(root).open("a")
    finally:
        aside.unlink(missing_ok=True)
    return lock


def remove_abandoned(folder: Path, pattern: str) -> None:
    """Delete the data folders in `folder` whose stack was killed before it could. Only locked ones are judged."""
    for root in folder.glob(pattern):
        # Somebody else's, or still to be locked by its maker: not ours to judge.
        with contextlib.suppress(OSError), _lock(root).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(root, ignore_errors=True)


def write(root: Path, **addresses: str) -> None:
    """Note where the running stack can be reached; for its own user only, since it names passwords."""
    aside = _note(root).with_suffix(".new")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(addresses, file)
    aside.replace(_note(root))


def read(root: Path) -> dict[str, str]:
    """The addresses of the stack that runs in `root`; empty when none does."""
    try:
        with _lock(root).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _noted(root)
    except OSError:
        return {}
    return {}


def _noted(root: Path) -> dict[str, str]:
    try:
        noted: dict[str, str] = json.loads(_note(root).read_text())
    except (OSError, ValueError):
        return {}
    return noted


def adopt(root: Path) -> bool:
    """Point this process at the stack that runs in `root`, where the environment does not say otherwise.

    Returns whether there is a Postgres to use.
    """
    found = read(root)
    for variable, name in (("DATABASE_URL", "database_url"), ("REDIS_URL", "redis_url")):
        if name in found:
            os.environ.setdefault(variable, found[name])
    return "DATABASE_URL" in os.environ
