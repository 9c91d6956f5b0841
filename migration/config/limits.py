"""Limits an app may have of its own: the service's setting holds where the app says nothing."""

from collections.abc import Mapping
from typing import Any

from migration.config.settings import SETTINGS, setting

ENDINGS = ("_REQUESTS_PER_MINUTE", "_BYTES_PER_DAY", "_ENTRIES_PER_DAY", "_RUNS_PER_DAY", "_STORED_BYTES")
OF_AN_APP: tuple[str, ...] = tuple(
    name
    for name in SETTINGS
    if (name.endswith(ENDINGS) and name.startswith(("ACCOUNT_", "GUEST_", "APP_")))
    or name.startswith(("GATE_", "BREACH_"))
    or name in {"REQUESTS_PER_MINUTE", "DELETIONS", "STRAGGLER_DAYS", "READ_LEASE_SECONDS"}
)
"""Names of the limits an app may have of its own, as the settings have them; in `App.limits` in lower case."""


def limit_of(own: Mapping[str, Any], name: str) -> int:
    """Return the limit `name` for an app whose own limits are `own`; of what may be sent, 0 is no limit at all."""
    given = own.get(name.lower())
    return int(setting(name) if given is None else given)
