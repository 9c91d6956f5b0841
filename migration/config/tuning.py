"""Settings changed while everything runs: a row each in Postgres, which each process reads again after a moment.

Who asks for a setting never waits for Postgres: whoever is about to begin something (a worker's round, an upload, a
batch of an archive) says so by `retune`, and only then the rows are read, if what is known of them has grown old.
"""

import time
from threading import Lock

from migration.config.settings import TUNABLE, tuned

FRESH_SECONDS = 2.0
_lock = Lock()
_read_at = float("-inf")


def retune(*, now: float | None = None) -> None:
    """Take over what has been changed meanwhile. Without Postgres everything stays as it was; in no transaction."""
    global _read_at  # noqa: PLW0603 - one memory for the process, as the settings themselves
    moment = time.monotonic() if now is None else now
    if moment - _read_at < FRESH_SECONDS or not _lock.acquire(blocking=False):
        return
    try:
        _read_at = moment
        rows = _rows()
        if rows is not None:
            take_over(rows)
    finally:
        _lock.release()


def take_over(rows: dict[str, str]) -> None:
    """Have these and no other settings changed; names this version does not know are passed over."""
    known = {name: value for name, value in rows.items() if name in TUNABLE}
    for name in [name for name in tuned if name not in known]:
        del tuned[name]
    tuned.update(known)


def forget() -> None:
    """Know of no changes, and read them when next asked."""
    global _read_at  # noqa: PLW0603 - as above
    _read_at = float("-inf")
    tuned.clear()


def _rows() -> dict[str, str] | None:
    from django.db import DatabaseError

    from migration.models import Tuning

    try:
        return dict(Tuning.objects.values_list("name", "value"))
    except DatabaseError:
        return None
