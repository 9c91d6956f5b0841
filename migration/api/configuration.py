"""The configuration as the wire shows it; what it needs of the database beyond the app is remembered a while."""

import time
from dataclasses import dataclass

from migration.cutover import Config, Stages, config_for
from migration.lifecycle import timeline
from migration.models import App
from migration.values.epochs import Epoch

VERSION = "0.1.0"
_REMEMBERED_SECONDS = 10.0


@dataclass
class _Remembered:
    value: str = ""
    until: float = 0.0


_timeline = _Remembered()


def known_timeline() -> str:
    """Return the database's timeline id, at most ten seconds old."""
    if time.monotonic() >= _timeline.until:
        _timeline.value, _timeline.until = timeline(), time.monotonic() + _REMEMBERED_SECONDS
    return _timeline.value


def forget() -> None:
    """Make the next call ask the database again."""
    _timeline.until = 0.0


def config_of(app: App, epoch: Epoch, stages: Stages) -> Config:
    """Return what a browser of `app` is told under `epoch`, where `stages` hold for it."""
    return config_for(app=app, stages=stages, epoch=epoch, version=VERSION, timeline=known_timeline())
