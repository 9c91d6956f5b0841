"""One batch: staged, merged and accounted for in one transaction, or not at all."""

from collections import Counter
from datetime import datetime
from uuid import UUID

from django.db import transaction

from migration.config import fault_point
from migration.errors import LeaseLost
from migration.lifecycle import begin_verifications, release_chunks
from migration.loading import ledger
from migration.loading.firsthand import copy_new, looks_new
from migration.loading.merge import merge
from migration.loading.ownership import lock_owners, still_ours
from migration.loading.parts import LoadReport, Part
from migration.loading.staging import stage


class LoadEngine:
    """Loads parts of many runs at once: copied where all is new, else staged and merged.

    Holds no state; two engines may work side by side.
    """

    def load(self, parts: list[Part], *, at: datetime) -> LoadReport:
        """Load `parts` in one transaction and report what came of each run.

        Parts whose claim, run or epoch no longer hold, and those whose owner another batch holds, are put back
        unharmed: a stage may have changed since their terms were read, and they are read again. Raises LeaseLost, with
        nothing written, when a claim went while the batch was at work.
        """
        report = LoadReport()
        with transaction.atomic():
            new = looks_new(parts)
            if staged := [part for part in parts if part.claim.id not in new]:
                stage(staged)  # before the locks: it touches nobody
            fault_point("load.after_stage")
            locked = lock_owners(parts)
            ours = still_ours([part for part in parts if part.claim.owner_id in locked])
            report.put_back = [part.claim for part in parts if part not in ours]
            if ours:
                report.outcomes = self._write(ours, new, locked, at=at)
                self._account(ours, report, at=at)
            fault_point("load.before_commit")
        fault_point("load.after_commit")
        if report.put_back:
            release_chunks(report.put_back, forgive=True)
        return report

    def _write(
        self, parts: list[Part], new: set[int], revisions: dict[UUID, int], *, at: datetime
    ) -> dict[UUID, Counter[str]]:
        """Copy what is new, merge what is staged; where something was not new after all, merge that too."""
        fresh = [part for part in parts if part.claim.id in new]
        outcomes = copy_new(fresh, revisions=revisions, at=at) if fresh else {}
        staged = [part for part in parts if part.claim.id not in new]
        if outcomes is None:
            stage(fresh)
            outcomes, staged = {}, parts
        return outcomes | (merge(staged, revisions=revisions, at=at) if staged else {})

    def _account(self, parts: list[Part], report: LoadReport, *, at: datetime) -> None:
        ledger.quarantine(parts, at=at)
        if not ledger.count(parts, report.outcomes, at=at):
            raise LeaseLost
        ledger.count_types(parts)
        ledger.keep_samples(parts, at=at)
        if not ledger.check_off(parts, at=at):
            raise LeaseLost
        report.finished_runs = begin_verifications(sorted(report.outcomes), at=at)
