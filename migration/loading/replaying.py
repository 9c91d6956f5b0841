"""Entries that were refused, loaded after all: the same staging and merge as any batch, in a caller's hands."""

from collections import Counter
from datetime import datetime
from uuid import UUID

from migration.loading.merge import merge
from migration.loading.ownership import wait_for_owners
from migration.loading.parts import Part
from migration.loading.staging import stage


def replay(parts: list[Part], *, at: datetime) -> dict[UUID, Counter[str]]:
    """Merge `parts`, whose owners the caller has locked, in its transaction; return outcomes by run.

    Each part stands for the chunk its entries came in, under that chunk's sequence number: what the device has
    written under a key since then is newer and stays.
    """
    outcomes: dict[UUID, Counter[str]] = {}
    for turn in _turns(parts):
        stage(turn)
        # Read anew in each turn: the one before has raised them.
        revisions = wait_for_owners({part.claim.owner_id for part in turn})
        outcomes |= merge(turn, revisions=revisions, at=at, cause="replay")
    return outcomes


def _turns(parts: list[Part]) -> list[list[Part]]:
    """Split so that no turn holds two runs of an owner: staged together, one device's value would vanish unseen."""
    runs: dict[UUID, list[UUID]] = {}
    turns: list[list[Part]] = []
    for part in parts:
        known = runs.setdefault(part.claim.owner_id, [])
        if part.terms.run_id not in known:
            known.append(part.terms.run_id)
        turn = known.index(part.terms.run_id)
        while turn >= len(turns):
            turns.append([])
        turns[turn].append(part)
    return turns
