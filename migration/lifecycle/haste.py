"""What is large gives way to what is small, for a moment: a small user waits for nobody's archive of notes.

The moment is short, so that even what comes after ever so many small ones has its turn.
"""

from datetime import datetime, timedelta
from typing import Any

SMALL_ENTRIES = 1_000
"""Up to here a chunk, or a run, gives way to nobody."""
PATIENCE = timedelta(seconds=1)
"""So long what is larger lets others go first."""


def haste(at: datetime) -> dict[str, Any]:
    """Return the parameters `small` and `since` of a claim at this time."""
    return {"small": SMALL_ENTRIES, "since": at - PATIENCE}
