"""Why something cannot be rolled back now. Pure: facts in, reasons out; no reason means it can."""

from dataclasses import dataclass

from migration.models import AppRollback, MigrationRun, Rollback
from migration.states import RUN, AppRollbackState, RunState


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason, with its stable code."""

    code: str
    detail: str


def reasons_against_run(
    run: MigrationRun, *, is_complete: bool, point: int | None = 0, horizon: int = 0
) -> list[Reason]:
    """Return why this run cannot be rolled back.

    `is_complete`: the cutover of something it moved is. `point` is the revision before it, None once that is not kept
    any more; history reaches down to `horizon`.
    """
    found = []
    if run.dry_run or run.purpose != MigrationRun.Purpose.MIGRATE:
        found.append(
            Reason("nothing_written", "A dry run or a backup writes no record, so there is nothing to revert.")
        )
    if run.state == RunState.ROLLED_BACK:
        found.append(Reason("already_rolled_back", "The run is rolled back; undo that rollback to get its data again."))
    elif run.state == RunState.ROLLING_BACK:
        found.append(Reason("rolling_back", "A rollback of this run is under way."))
    elif not RUN.allows(run.state, RunState.ROLLING_BACK):
        found.append(Reason("wrong_state", f"A run that is {run.state} cannot be rolled back."))
    if horizon and (point is None or point < horizon):
        found.append(Reason("history_pruned", "What the run replaced is not kept any more."))
    if is_complete:
        found.append(Reason("stage_complete", "The server alone holds the data now; roll back to a point instead."))
    return found


def reasons_against_revision(to_revision: int, *, horizon: int) -> list[Reason]:
    """Return why an owner whose history reaches down to `horizon` cannot go back to a revision."""
    if 0 < to_revision < horizon:
        return [Reason("history_pruned", "History does not reach back that far any more.")]
    return []


def reasons_against_undo(rollback: Rollback, *, horizon: int = 0) -> list[Reason]:
    """Return why this rollback cannot be undone."""
    if rollback.state == Rollback.State.DONE:
        return reasons_against_revision(rollback.from_revision or 0, horizon=horizon)
    return [Reason("not_done", f"A rollback that is {rollback.state} cannot be undone.")]


def reasons_against_app_undo(rollback: AppRollback) -> list[Reason]:
    """Return why an app's rollback cannot be undone."""
    if rollback.state == AppRollbackState.AT_WORK:
        return [Reason("not_done", "Owners are being taken back at this moment; pause it first.")]
    return []
