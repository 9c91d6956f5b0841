"""Entries that were refused, loaded after all: the same staging and merge as any batch, in a caller's hands."""

from collections import Counter
from datetime import datetime
from uuid import UUID

from migration.loading.merge import merge
from migration.loading.parts import Part
from migration.loading.staging import stage


def replay(parts: list[Part], *, revisions: dict[UUID, int], at: datetime) -> dict[UUID, Counter[str]]:
    """Merge `parts`, whose owners the caller has locked at `revisions`, in its transaction; return outcomes by run.

    Each part stands for the chunk its entries came in, under that chunk's sequence number: what the device has
    written under a key since then is newer and stays.
    """
    stage(parts)
    return merge(parts, revisions=revisions, at=at, cause="replay")
