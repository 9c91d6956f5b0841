"""A worker in this process, one step at a time: tests stop it between its steps instead of racing it."""

import time
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from migration.extraction import DataExtractor
from migration.lifecycle import ClaimedChunk, claim_chunks, count_workers, enlist
from migration.loading import LoadEngine, LoadReport, Part
from migration.orchestration import MigrationOrchestrator
from migration.orchestration.pipeline import plans_for, prepare

LEASE_SECONDS = 45


def await_workers(count: int) -> None:
    """Wait until so many are enlisted: one whose connection has just been closed is for a moment longer."""
    deadline = time.monotonic() + 20
    while count_workers() != count:
        assert time.monotonic() < deadline, f"there are {count_workers()} workers, not {count}"
        time.sleep(0.05)


class Worker:
    """Claims, prepares and loads as the conductor does."""

    def __init__(self) -> None:
        """Enlist under the number of this thread's connection."""
        self.number = enlist()

    def claim(
        self,
        *,
        at: datetime | None = None,
        chunks: int = 64,
        entries: int = 5_000,
        lease: int = LEASE_SECONDS,
        about: Sequence[UUID] = (),
        rests: bool = False,
    ) -> list[ClaimedChunk]:
        """Claim what waits."""
        return claim_chunks(
            holder=self.number,
            at=at or timezone.now(),
            lease_seconds=lease,
            max_chunks=chunks,
            max_entries=entries,
            about=about,
            rests=rests,
        )

    def prepare(self, claims: Sequence[ClaimedChunk]) -> list[Part]:
        """Open, judge and map claimed chunks."""
        plans = plans_for({claim.run_id for claim in claims})
        extractor = DataExtractor()
        return [prepare(claim, plans[claim.run_id], extractor=extractor) for claim in claims]

    def load(self, claims: Sequence[ClaimedChunk], *, at: datetime | None = None) -> LoadReport:
        """Load claimed chunks in one batch."""
        return LoadEngine().load(self.prepare(claims), at=at or timezone.now())

    def load_all(self, **budget: int) -> int:
        """Claim and load until nothing waits; return the number of batches."""
        batches = 0
        while claims := self.claim(**budget):
            self.load(claims)
            batches += 1
        return batches

    def work(self) -> bool:
        """Do one round as the conductor composes it; return whether there was work."""
        return bool(MigrationOrchestrator().work_once(holder=self.number, clock=timezone.now))

    def work_until_done(self) -> None:
        """Do rounds until nothing is left to do."""
        MigrationOrchestrator().work_until_done(holder=self.number, clock=timezone.now)
