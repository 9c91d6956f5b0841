"""How much an owner has used of what it may send and keep."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from migration.config import limit_of
from migration.models import Owner, Usage

_COUNTED = ("bytes", "entries", "runs")


@dataclass(frozen=True, slots=True)
class Allowance:
    """The limit an owner is nearest to: its name, how much of it is used, and how much there is."""

    limit: str
    used: int
    most: int

    @property
    def share(self) -> float:
        """Return how much of it is used, 1 for all of it."""
        return self.used / self.most


def tightest(*, app_id: UUID, owner_id: UUID, kind: str, limits: Mapping[str, Any], at: datetime) -> Allowance | None:
    """Return the limit an owner has used most of; None where it has none. `limits` are the app's own."""
    whose = "GUEST" if kind == Owner.Kind.GUEST else "ACCOUNT"
    day = at.astimezone(UTC).date()
    rows = Usage.objects.filter(Q(day=day) | Q(day=None), app_id=app_id, owner_id=owner_id)
    used = {row["day"]: row for row in rows.values("day", *_COUNTED)}
    today, in_all = used.get(day, {}), used.get(None, {})
    counted = {f"{whose}_{name.upper()}_PER_DAY": today.get(name, 0) for name in _COUNTED}
    counted[f"{whose}_STORED_BYTES"] = in_all.get("bytes", 0)
    found = [Allowance(name.lower(), amount, limit_of(limits, name)) for name, amount in counted.items()]
    return max((one for one in found if one.most), key=lambda one: one.share, default=None)
