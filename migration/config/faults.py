"""Named fault points: places where tests may kill, raise or stall a process instead of hoping for bad luck.

Armed by `MIGRATION_FAULTS="NAME:N:ACTION[:MATCH],…"`: at the N-th passing of NAME (counted per process, and only
where `about` contains MATCH) do ACTION: `kill` (SIGKILL to this process), `raise` (FaultInjected), `sleep=SECONDS`.
`MIGRATION_FAULTS=@<file>` names a file with such a text, which may be put in the place of another while processes
run: they heed it, and count anew, from the next point they pass. With `MIGRATION_FAULTS_ONCE=<folder>`, while there is
that folder, an armed fault fires once for all processes and restarts; else each process fires it anew.
Off, a fault point is one look into an empty table.
"""

import os
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path

from migration.config.settings import setting

FAULT_POINTS = {
    "intake.before_store": "a chunk is checked, nothing is written",
    "intake.after_commit": "a chunk is committed, the answer is not sent",
    "claim.after_commit": "chunks are claimed, nothing is decoded",
    "load.entry": "one entry is decoded (about: its line)",
    "load.after_stage": "rows are staged, nothing is merged",
    "load.before_commit": "history, records, quarantine, counters and checkpoint are written, not committed",
    "load.after_commit": "a batch is committed, nothing is announced",
    "records.before_commit": "a device's ops are about to be committed",
    "records.after_commit": "a device's ops are committed, the answer is not sent",
    "verify.before_commit": "receipt is made, not committed",
    "verify.after_commit": "run is completed, nothing is announced",
    "rollback.before_commit": "records are reverted, not committed",
    "rollback.after_commit": "rollback is done, nothing is announced",
    "app_rollback.after_list": "some owners of an app have got their share of its rollback, more are to come",
    "app_rollback.after_claim": "a worker has taken some owners of an app, none has gone back",
    "replay.before_commit": "refused entries are merged anew, not committed",
    "schemas.before_commit": "samples are folded into schemas, not committed",
    "restore.after_batch": "some of a backup's lines are written back, more are to come",
    "restore.before_commit": "all of a backup is written back, not committed",
    "restore.after_commit": "a backup is restored, nobody is told",
    "export.owner": "an owner is written to an archive, more are to come",
    "archive.before_commit": "a batch of an archive is written, not committed",
    "archive.after_commit": "a batch of an archive and its checkpoint are committed, more are to come",
    "prune.before_commit": "some of an owner's past is deleted, not committed",
    "prune.after_commit": "some of an owner's past is gone, more may be left",
    "erase.before_commit": "a batch of an owner's rows is deleted, not committed",
    "erase.after_commit": "a batch of an owner's rows is gone, more may be left",
}


class FaultInjected(Exception):
    """A test asked for this."""


@dataclass(frozen=True)
class _Armed:
    point: str
    nth: int
    action: str
    match: str


@dataclass(frozen=True)
class _Table:
    """What is armed, and how often each point of it was passed since."""

    armed: dict[str, _Armed]
    passed: Counter[str] = field(default_factory=Counter)


@cache
def _told() -> str:
    return str(setting("FAULTS"))


def _table() -> _Table:
    """Return what is armed now."""
    told = _told()
    if not told.startswith("@"):
        return _table_of(told)
    found = Path(told[1:]).stat()
    return _table_of(told, found.st_ino, found.st_mtime_ns)


@lru_cache(maxsize=1)
def _table_of(told: str, *version: int) -> _Table:
    """Read what is armed; a file's version is what tells it from the one that was in its place before."""
    armed = {}
    for text in filter(None, (Path(told[1:]).read_text() if version else told).split(",")):
        point, nth, action, *match = text.split(":", 3)
        if point not in FAULT_POINTS:
            raise ValueError(f"there is no fault point {point!r}")
        armed[point] = _Armed(point, int(nth), action, match[0] if match else "")
    return _Table(armed)


def fault_point(name: str, about: bytes | str = "") -> None:
    """Do what was armed for this point, if anything was. `about` is what an armed MATCH looks into."""
    table = _table()
    armed = table.armed.get(name)
    if armed is None:
        return
    text = about.decode(errors="replace") if isinstance(about, bytes) else about
    if armed.match and armed.match not in text:
        return
    table.passed[name] += 1
    if table.passed[name] == armed.nth and _first_time(armed):
        _act(armed.action)


def forget() -> None:
    """Read anew what is armed, and count from the beginning, at the next point that is passed."""
    _told.cache_clear()
    _table_of.cache_clear()


def faults_armed() -> bool:
    """Tell whether any fault is armed: hot loops ask once instead of passing a point per entry."""
    return bool(_table().armed)


def _first_time(armed: _Armed) -> bool:
    folder = setting("FAULTS_ONCE")
    if not folder:
        return True
    try:
        (Path(folder) / f"{armed.point}-{armed.nth}").touch(exist_ok=False)
    except FileExistsError:
        return False
    except FileNotFoundError:
        return True  # there is no such folder
    return True


def _act(action: str) -> None:
    verb, _, amount = action.partition("=")
    if verb == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif verb == "raise":
        raise FaultInjected
    elif verb == "sleep":
        time.sleep(float(amount))
    else:
        raise ValueError(f"unknown fault action {action!r}")
