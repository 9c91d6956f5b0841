"""One process at the pieces of a restore: it takes those nobody is at, each from its checkpoint to its end.

A piece is a part of the archive, and a part holds whole owners: so any number of processes can work side by side, on
this machine or others, and no two of them ever meet in an owner. Who is at a piece holds an advisory lock, which goes
with the connection: what a dead worker left is taken up by the next one who asks.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection, transaction

from migration import lifecycle
from migration.archives import ArchiveReader, OwnerLine, Place
from migration.config import fault_point
from migration.errors import ArchiveInvalid, LeaseLost
from migration.loading import LoadEngine, Priority
from migration.models import ArchiveJob
from migration.orchestration.archiving_batches import Batch, Batches, batcher
from migration.orchestration.archiving_jobs import find_job
from migration.orchestration.archiving_owners import Target
from migration.orchestration.archiving_room import may_go_on
from migration.orchestration.archiving_write import BatchWriter, Terms
from migration.states import ArchiveJobState

Clock = Callable[[], datetime]
PIECES = 0x70696563
"""Class of the advisory locks under which one process at a time works on a piece."""


@dataclass(slots=True)
class Standing:
    """How far work on an archive is: lines, outcomes by collection, the batch's size and why, how it is written."""

    total: int
    done: int = 0
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    batch: int = 0
    reason: str = ""
    strategy: str = ""
    indexes: str = ""
    """What is done about the records' second index, and why."""
    throttle: str = ""
    """Why it waits, where it does."""
    state: ArchiveJobState = ArchiveJobState.RUNNING
    job_id: UUID | None = None
    point_id: UUID | None = None
    resumed: bool = False
    breaker: str = "closed"
    """How Postgres is taken to be: closed, it answers; open, it does not; half_open, it is asked again."""
    lost: int = 0
    """How often it was asked in vain."""
    priority: Priority = Priority.NORMAL

    def status(self) -> dict[str, Any]:
        """Return what the work's row says of it between batches."""
        names = ("batch", "reason", "strategy", "breaker", "lost")
        return {**{name: getattr(self, name) for name in names}, "priority": self.priority.value}

    def take(self, job: ArchiveJob, *, resumed: bool, strategy: str = "") -> None:
        """Stand where the work's row does."""
        self.total, self.done, self.counts = job.total, job.done, job.counts
        self.state, self.job_id, self.point_id = ArchiveJobState(job.state), job.id, job.point_id
        self.resumed, self.strategy, self.breaker = self.resumed or resumed, strategy, "closed"


Tell = Callable[[Standing], None]


class PieceWorker:
    """Works until no piece is free, somebody wishes otherwise, or `goes_on` says no."""

    def __init__(
        self,
        reader: ArchiveReader,
        terms: Terms,
        clock: Clock,
        standing: Standing,
        *,
        job_id: UUID,
        strategy: str,
        priority: Priority = Priority.NORMAL,
        tell: Tell | None = None,
        goes_on: Callable[[], bool] = lambda: True,
    ) -> None:
        """Read what is to be done; nothing is locked yet."""
        self._reader, self._terms, self._clock, self._standing = reader, terms, clock, standing
        self._job_id, self._strategy, self._tell, self._goes_on = job_id, strategy, tell, goes_on
        self._priority, self._batcher = priority, batcher()

    def run(self) -> ArchiveJobState:
        """Return the state the work is in when there is nothing left to do for us: still running, or whatever it is."""
        try:
            for piece in range(len(self._reader.manifest.parts)):
                with self._taken(piece) as checkpoint:
                    if checkpoint is not None and not self._work(piece, checkpoint):
                        break
        except LeaseLost:
            pass  # whoever took it from us has written why
        return ArchiveJobState(find_job(self._job_id).state)

    def left(self) -> int:
        """Return how many pieces are not through yet, whoever is at them."""
        return len(self._reader.manifest.parts) - sum(
            bool(one.get("through")) for one in find_job(self._job_id).checkpoint.values()
        )

    @contextmanager
    def _taken(self, piece: int) -> Iterator[dict[str, Any] | None]:
        """Hold a piece; yield its checkpoint as it is now, or None where there is nothing to do at it for us."""
        key = int.from_bytes(blake2b(self._job_id.bytes + piece.to_bytes(8), digest_size=4).digest(), signed=True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [PIECES, key])
            if not cursor.fetchone()[0]:
                yield None
                return
        try:
            kept = find_job(self._job_id).checkpoint.get(str(piece), {})
            yield None if kept.get("through") else kept
        finally:
            if connection.connection is not None and not connection.connection.closed:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [PIECES, key])

    def _work(self, piece: int, kept: dict[str, Any]) -> bool:
        """Bring a piece to its end; return False where the work is to rest or to end."""
        terms = self._terms
        cut = Batches(self._reader, self._batcher, frozenset(terms.collections) if terms.collections else None)
        writer = BatchWriter(terms, _target(kept), engine=LoadEngine(self._strategy))
        owner = msgspec.convert(kept["owner"], OwnerLine) if kept else None
        for batch in cut.from_(Place(piece, kept.get("line", 0)), continuing=owner, parts=1):
            if not self._may_go_on():
                return False
            self._write(piece, batch, cut, writer)
        with transaction.atomic():
            self._check_off(piece, {"through": True}, Batch())
        self._batcher = cut.batcher
        return True

    def _may_go_on(self) -> bool:
        return may_go_on(
            self._standing, priority=self._priority, clock=self._clock, tell=self._tell, goes_on=self._goes_on
        )

    def _write(self, piece: int, batch: Batch, cut: Batches, writer: BatchWriter) -> None:
        begun = time.perf_counter()
        with transaction.atomic():
            self._standing.batch, self._standing.reason = batch.lines, cut.batcher.size.reason
            outcomes = writer.write(batch, at=self._clock())
            self._check_off(piece, _checkpoint(batch, writer.target), batch, outcomes)
            fault_point("archive.before_commit")
        fault_point("archive.after_commit")
        cut.measured(batch, seconds=time.perf_counter() - begun)
        if self._tell:
            self._tell(self._standing)

    def _check_off(
        self, piece: int, checkpoint: dict[str, Any], batch: Batch, outcomes: lifecycle.Counts | None = None
    ) -> None:
        standing = self._standing
        standing.done, standing.counts = lifecycle.checkpoint_piece(
            self._job_id,
            piece,
            at=self._clock(),
            checkpoint=checkpoint,
            counts=outcomes or {},
            done=batch.lines,
            status=standing.status(),
        )


def _target(kept: dict[str, Any]) -> Target | None:
    if not kept:
        return None
    target = {**kept["target"], "owner_id": UUID(kept["target"]["owner_id"])}
    target["last"] = tuple(target["last"]) if target["last"] else None
    return Target(**target)


def _checkpoint(batch: Batch, target: Target | None) -> dict[str, Any]:
    if target is None:
        raise ArchiveInvalid("A batch of the archive names no owner.")
    return {
        "line": batch.place.line,
        "owner": msgspec.to_builtins(batch.pieces[-1].slice.owner),
        "target": {
            "owner_id": str(target.owner_id),
            "is_exact": target.is_exact,
            "is_erased": target.is_erased,
            "is_renamed": target.is_renamed,
            "last": target.last,
        },
    }
