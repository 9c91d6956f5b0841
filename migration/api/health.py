"""Is it alive, is it ready, how is it: what the probes answer."""

import os
from dataclasses import asdict
from datetime import datetime
from typing import Any

from migration import reports
from migration.api.configuration import VERSION
from migration.models import App
from migration.orchestration.coordination import coordinator_health
from migration.orchestration.throttling import breakers


def readiness() -> dict[str, Any]:
    """Return whether requests can be served; `token` tells a starter that it is its own server that answers."""
    database = reports.database_milliseconds() is not None
    migrated = database and reports.is_migrated()
    return {
        "ready": database and migrated,
        "database": database,
        "migrated": migrated,
        "token": os.environ.get("MIGRATION_READY_TOKEN", ""),
    }


def coordinator(*, app: App, at: datetime) -> dict[str, Any]:
    """Return how an app's two sides agree and catch up with each other."""
    return asdict(coordinator_health(app=app, at=at))


def health(*, at: datetime) -> dict[str, Any]:
    """Return how the service is, `status` and `version` for everybody, the `parts` for those who may see them."""
    parts = {**reports.health(at=at), "breakers": breakers()}
    return {"status": parts.pop("status"), "version": VERSION, "parts": parts}
