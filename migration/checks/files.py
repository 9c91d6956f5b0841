"""Secret keys in what browsers may fetch: templates and static files of the project itself."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Tags, register

from migration.checks import dangers

SECRET = re.compile(rb"\bsk_[A-Za-z0-9_-]{40,}")
READ = {".html", ".js", ".mjs", ".ts", ".css", ".json", ".map", ".txt", ".svg", ".xml"}
LARGEST = 4_194_304
"""Larger files are passed over, bytes."""


@register(Tags.security, deploy=True)
def look_for_secrets_in_files(*_: object, **__: Any) -> list[CheckMessage]:
    """Tell of each file that holds a secret key; the key itself is not repeated."""
    return [dangers.SECRET_IN_FILE.told(f"({path})") for path in _files() if SECRET.search(path.read_bytes())]


def _files() -> Iterator[Path]:
    for folder in _folders():
        for path in sorted(folder.rglob("*")):
            if path.suffix in READ and path.is_file() and path.stat().st_size <= LARGEST:
                yield path


def _folders() -> set[Path]:
    """Return the project's folders; what was installed beside it is somebody else's to look after."""
    found = [Path(folder) for engine in settings.TEMPLATES for folder in engine["DIRS"]]
    given: list[Any] = list(settings.STATICFILES_DIRS)
    found += [Path(one[1] if isinstance(one, (tuple, list)) else one) for one in given]
    found += [Path(config.path) / name for config in apps.get_app_configs() for name in ("templates", "static")]
    return {folder for folder in found if folder.is_dir() and "site-packages" not in folder.parts}
