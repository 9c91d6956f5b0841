"""LoadEngine: the one way into the records, for chunks of browsers and for archives.

The ladder: binary COPY and one merge; multi-row statements; single rows; what is refused even alone is set aside.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import structlog
from django.db import transaction

from migration.config import fault_point
from migration.errors import LeaseLost
from migration.lifecycle import begin_verifications, release_chunks
from migration.loading import ledger
from migration.loading.exact import Exact, write_exact
from migration.loading.firsthand import copy_new, looks_new
from migration.loading.ladder import NOT_TAKEN, NotTaken, climb_down
from migration.loading.merge import merge
from migration.loading.ownership import lock_owners, still_ours, wait_for_owners
from migration.loading.parts import NOT_TAKEN_CODE, LoadReport, Part, Refused
from migration.loading.restoring import restore
from migration.loading.staging import latest_rows, stage
from migration.loading.strategies import AUTO, Choice, Job, Strategy, choose
from migration.values.rows import Row
from migration.values.stored import line_of

log = structlog.get_logger(__name__)


class LoadEngine:
    """Writes by the strategy it was made with (`auto`: by what each batch is). Holds no state; many may be at work."""

    def __init__(self, strategy: str = AUTO) -> None:
        """Keep what is wished for: one of `strategies.WISHES`."""
        self._wished = strategy

    def load(self, parts: list[Part], *, at: datetime) -> LoadReport:
        """Load `parts` in one transaction and report what came of each run.

        Parts whose claim, run or epoch no longer hold, and those whose owner another batch holds, are put back
        unharmed: a stage may have changed since their terms were read, and they are read again. An entry Postgres does
        not take goes to quarantine. Raises LeaseLost, with nothing written, when a claim went while the batch was at
        work.
        """
        try:
            report = self._load(parts, at=at)
        except NOT_TAKEN as error:
            log.warning("batch_not_taken", error=type(error).__name__, chunks=[part.claim.id for part in parts])
            report = self._load(parts, at=at, careful=True)
        if report.put_back:
            release_chunks(report.put_back, forgive=True)
        return report

    def write_exact(self, versions: Sequence[Exact]) -> list[NotTaken[Exact]]:
        """Write versions as they were, in the caller's transaction; return those that Postgres refused.

        Versions that are there already (same key, or same key and revision) stay as they are and are not returned.
        """
        return write_exact(versions, way=self._way(len(versions)))

    def restore(self, part: Part, *, replaces: bool, at: datetime) -> Counter[str]:
        """Write a part's rows over what its owner holds, in the caller's transaction; return outcomes.

        Outcomes are `came_back`, `replaced`, `deleted`, `unchanged`, `kept` (what differs stays unless `replaces`) and
        `refused`, what Postgres does not take.
        """
        return restore(part, replaces=replaces, at=at, way=self._way(len(part.rows)))

    def _way(self, records: int, *, updates: float = 0.0) -> Strategy:
        return self._choice(records, updates=updates).strategy.way

    def _choice(self, records: int, *, updates: float) -> Choice:
        return choose(Job(records=records, updates=updates), wished=self._wished)

    def _load(self, parts: list[Part], *, at: datetime, careful: bool = False) -> LoadReport:
        report = LoadReport()
        with transaction.atomic():
            new, choice = self._looked_at(parts, careful=careful)
            if staged := [part for part in parts if part.claim.id not in new and choice.strategy is Strategy.COPY]:
                stage(staged)  # before the locks: it touches nobody
            fault_point("load.after_stage")
            locked = lock_owners(parts)
            ours = still_ours([part for part in parts if part.claim.owner_id in locked])
            report.put_back = [part.claim for part in parts if part not in ours]
            if ours:
                report.outcomes = self._write(ours, new, locked, choice, at=at)
                report.strategy, report.reason = choice.strategy, choice.reason
                self._account(ours, report, at=at)
            fault_point("load.before_commit")
        fault_point("load.after_commit")
        return report

    def _looked_at(self, parts: list[Part], *, careful: bool) -> tuple[set[int], Choice]:
        """Return the parts that can be copied straight into the records, and how the rest is written."""
        if careful:
            return set(), Choice(Strategy.UPSERT, 1, "Postgres did not take all of it at once")
        count = sum(len(part.rows) for part in parts)
        new = looks_new(parts) if self._wished in (AUTO, Strategy.COPY, Strategy.HYBRID) else set()
        held = sum(len(part.rows) for part in parts if part.claim.id not in new)
        choice = self._choice(count, updates=held / count if count else 0.0)
        if new and held == 0:  # nothing is staged and nothing merged, so that no number is too small
            choice = replace(choice, strategy=Strategy.COPY)
        return new, choice

    def _write(
        self, parts: list[Part], new: set[int], revisions: dict[UUID, int], choice: Choice, *, at: datetime
    ) -> dict[UUID, Counter[str]]:
        """Copy what is new, merge the rest; where something was not new after all, merge that too."""
        fresh = [part for part in parts if part.claim.id in new]
        outcomes = copy_new(fresh, revisions=revisions, at=at) if fresh else {}
        rest = [part for part in parts if part.claim.id not in new]
        if choice.strategy is not Strategy.COPY:
            rest += fresh if outcomes is None else []
            return (outcomes or {}) | _merged_piecemeal(rest, way=choice.strategy.way, at=at)
        if outcomes is None:
            stage(fresh)
            outcomes, rest = {}, parts
        return outcomes | (merge(rest, revisions=revisions, at=at) if rest else {})

    def _account(self, parts: list[Part], report: LoadReport, *, at: datetime) -> None:
        ledger.quarantine(parts, at=at)
        if not ledger.count(parts, report.outcomes, at=at):
            raise LeaseLost
        ledger.count_types(parts)
        ledger.keep_samples(parts, at=at)
        if not ledger.check_off(parts, at=at, strategy=report.strategy):
            raise LeaseLost
        report.finished_runs = begin_verifications(sorted(report.outcomes), at=at)


def _merged_piecemeal(parts: list[Part], *, way: Strategy, at: datetime) -> dict[UUID, Counter[str]]:
    """Merge in statements of many rows or of one, and set aside what is refused alone; return outcomes by run."""
    known = {part.claim.id: part for part in parts}
    listed = [(chunk_id, row) for chunk_id, rows in latest_rows(parts) for row in rows]
    outcomes: dict[UUID, Counter[str]] = {part.terms.run_id: Counter() for part in parts}
    for part in parts:
        outcomes[part.terms.run_id]["superseded"] += len(part.rows)
    for chunk_id, _ in listed:
        outcomes[known[chunk_id].terms.run_id]["superseded"] -= 1

    def write(some: Sequence[tuple[int, Row]]) -> None:
        for run_id, counted in _merge_some(known, some, at=at).items():
            outcomes[run_id].update(counted)

    for refused in climb_down(listed, write, way=way):
        chunk_id, row = refused.one
        _set_aside(known[chunk_id], row, refused.why)
    return outcomes


def _merge_some(known: dict[int, Part], some: Sequence[tuple[int, Row]], *, at: datetime) -> dict[UUID, Counter[str]]:
    rows: dict[int, list[Row]] = {}
    for chunk_id, row in some:
        rows.setdefault(chunk_id, []).append(row)
    parts = [replace(known[chunk_id], rows=own) for chunk_id, own in rows.items()]
    # Locked already, and read anew: the statement before has raised them.
    revisions = wait_for_owners({part.claim.owner_id for part in parts})
    return merge(parts, revisions=revisions, at=at, staged=False)


def _set_aside(part: Part, row: Row, why: str) -> None:
    value = None if row.value is None else row.value.decode()
    line = line_of(row.key_json.decode(), row.form, value).encode()
    part.refused.append(Refused(row, line, NOT_TAKEN_CODE, f"Postgres did not take it ({why})."))
