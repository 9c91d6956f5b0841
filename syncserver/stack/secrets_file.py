"""Secrets of a local stack, made once and kept beside its data so that the next start knows them."""

import json
import os
import secrets
from pathlib import Path

NAMES = ("SECRET_KEY", "POSTGRES_PASSWORD", "ADMIN_PASSWORD")


def load(folder: Path) -> dict[str, str]:
    """The secrets of the stack in `folder`, each made up the first time it is needed."""
    path = folder / "secrets.json"
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    made = {name: known.get(name) or secrets.token_urlsafe(18) for name in NAMES}
    if made != known:
        _write(path, made)
    return made


def _write(path: Path, values: dict[str, str]) -> None:
    """Replace the file in one step, readable for its owner only."""
    aside = path.with_suffix(".new")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(values, file)
    aside.replace(path)
