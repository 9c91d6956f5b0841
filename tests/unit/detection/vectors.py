"""Reads the labelled entries JavaScript reads too."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parents[2] / "vectors"


@dataclass(frozen=True)
class SecretCase:
    """One labelled entry of `secrets.json`."""

    kind: str
    secret: bool
    named: bool
    rule: str | None
    key: str
    value: str


@cache
def secret_cases() -> tuple[SecretCase, ...]:
    """Return every case of `secrets.json`, pieces joined."""
    return tuple(
        SecretCase(**{**case, "key": "".join(case["key"]), "value": "".join(case["value"])})
        for case in _load("secrets.json")
    )


@cache
def type_cases() -> tuple[tuple[str, str], ...]:
    """Return (type, value) for every case of `types.json`."""
    return tuple((case["type"], "".join(map(_piece, case["value"]))) for case in _load("types.json"))


def _piece(piece: str | dict[str, Any]) -> str:
    return piece if isinstance(piece, str) else piece["repeat"] * piece["times"]


def _load(name: str) -> list[dict[str, Any]]:
    return json.loads((_FOLDER / name).read_text(encoding="utf-8"))["cases"]
