"""Settings an operator changes while everything runs: held to what makes sense, audited, taken back."""

from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

from django.db import transaction

from migration import lifecycle
from migration.config import SETTINGS, TUNABLE, given_setting, read, tuning
from migration.errors import SettingInvalid
from migration.loading import WISHES
from migration.models import Tuning

_AT_LEAST_ONE = ("_LEAST", "_START", "_MOST", "_ENTRIES", "_CHUNKS", "_WORKERS", "_OWNERS")


@dataclass(frozen=True, slots=True)
class Standing:
    """A setting that can be changed: what it is now, what the environment says, its meaning, and who changed it."""

    name: str
    value: Any
    given: Any
    meaning: str
    changed: Tuning | None


def standing() -> list[Standing]:
    """Return every setting that can be changed while running."""
    changed = {one.name: one for one in Tuning.objects.all()}
    return [
        Standing(
            name,
            read(name, changed[name].value) if name in changed else given,
            given,
            SETTINGS[name].meaning,
            changed.get(name),
        )
        for name, given in ((name, given_setting(name)) for name in TUNABLE)
    ]


def tune(name: str, value: str, *, actor: str, at: datetime) -> Any:
    """Change a setting for all processes, which learn it within seconds; return its value. Raises SettingInvalid."""
    found = _checked(name, value)
    with transaction.atomic():
        Tuning.objects.update_or_create(name=name, defaults={"value": str(found), "actor": actor, "at": at})
        lifecycle.audit(actor=actor, action="setting_changed", target=name, at=at, data={"value": str(found)})
    tuning.forget()
    return found


def untune(name: str, *, actor: str, at: datetime) -> bool:
    """Have a setting be again what the environment says; return whether it was changed. Raises SettingInvalid."""
    if name not in TUNABLE:
        raise SettingInvalid(f"{name} cannot be changed while running.")
    with transaction.atomic():
        gone, _ = Tuning.objects.filter(name=name).delete()
        if gone:
            lifecycle.audit(actor=actor, action="setting_changed", target=name, at=at, data={"value": None})
    tuning.forget()
    return bool(gone)


def _checked(name: str, value: str) -> Any:
    if name not in TUNABLE:
        raise SettingInvalid(f"{name} cannot be changed while running.")
    try:
        found = read(name, value)
    except ValueError as error:
        raise SettingInvalid(f"{name} is a {type(SETTINGS[name].default).__name__}.") from error
    if isinstance(found, str):
        if found not in WISHES:
            raise SettingInvalid(f"{name} is one of {', '.join(WISHES)}.")
    elif not isfinite(found) or found < 0:
        raise SettingInvalid(f"{name} is 0 at least.")
    elif name.endswith(_AT_LEAST_ONE) and found < 1:
        raise SettingInvalid(f"{name} is 1 at least.")
    return found
