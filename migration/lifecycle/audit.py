"""Audit lines, written in the transaction that did the act."""

from datetime import datetime
from typing import Any
from uuid import UUID

from migration.models import AuditLine


def audit(
    *,
    actor: str,
    action: str,
    target: object,
    at: datetime,
    app_id: UUID | None = None,
    owner_id: UUID | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Append one audit line. Call it inside the transaction that does what it tells of."""
    AuditLine.objects.create(
        actor=actor, action=action, target=str(target), at=at, app_id=app_id, owner_id=owner_id, data=data or {}
    )
