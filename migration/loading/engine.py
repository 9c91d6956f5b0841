"""One batch: staged, merged and accounted for in one transaction, or not at all."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from migration.config import fault_point
from migration.errors import LeaseLost
from migration.lifecycle import begin_verification_if_loaded, release_chunks
from migration.loading import ledger
from migration.loading.merge import merge
from migration.loading.ownership import lock_owners, still_ours
from migration.loading.parts import LoadReport, Part
from migration.loading.staging import stage


class LoadEngine:
    """Loads parts of many runs at once. Holds no state; two engines may work side by side."""

    def load(self, parts: list[Part], *, at: datetime) -> LoadReport:
        """Load `parts` in one transaction and report what came of each run.

        Parts whose claim, run or epoch no longer hold are left out; parts whose owner another batch holds are
        put back unharmed. Raises LeaseLost, with nothing written, when a claim went while the batch was at work.
        """
        report = LoadReport()
        with transaction.atomic():
            stage(parts)  # before the locks: it is the longer half and touches nobody
            fault_point("load.after_stage")
            locked = lock_owners(parts)
            report.put_back = [part.claim for part in parts if part.claim.owner_id not in locked]
            ours = still_ours([part for part in parts if part.claim.owner_id in locked])
            if ours:
                self._write(ours, locked, report, at=at)
            fault_point("load.before_commit")
        fault_point("load.after_commit")
        if report.put_back:
            release_chunks(report.put_back, forgive=True)
        return report

    def _write(self, parts: list[Part], revisions: dict[UUID, int], report: LoadReport, *, at: datetime) -> None:
        report.outcomes = merge(parts, revisions=revisions, at=at)
        ledger.quarantine(parts, at=at)
        ledger.count(parts, report.outcomes, at=at)
        ledger.count_types(parts)
        if not ledger.check_off(parts, at=at):
            raise LeaseLost
        for run_id in sorted(report.outcomes):
            if begin_verification_if_loaded(run_id, at=at):
                report.finished_runs.append(run_id)
