"""Moves of refused entries."""

from typing import Any

from django.db.models import QuerySet

from migration.models import QuarantineEntry
from migration.states import QUARANTINE, QuarantineState


def move_entries(entries: QuerySet[QuarantineEntry], to: QuarantineState, **columns: Any) -> int:
    """Move those of `entries` along their table that stand where it allows, and write `columns`; return how many.

    The others stay as they are: somebody was faster.
    """
    return entries.filter(state__in=QUARANTINE.sources_of(to)).update(state=to, **columns)
