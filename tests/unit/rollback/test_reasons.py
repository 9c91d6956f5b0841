"""Every state of a run either has a way back or says why not."""

import pytest

from migration.models import MigrationRun, Rollback
from migration.progress.snapshots import can_roll_back
from migration.rollback import reasons_against_revision, reasons_against_run, reasons_against_undo
from migration.states import RunState

CODES = {
    RunState.PLANNED: ["wrong_state"],
    RunState.TRANSFERRING: [],
    RunState.VERIFYING: [],
    RunState.COMPLETED: [],
    RunState.FAILED: [],
    RunState.EXPIRED: ["wrong_state"],
    RunState.CANCELLED: [],
    RunState.ROLLING_BACK: ["rolling_back"],
    RunState.ROLLED_BACK: ["already_rolled_back"],
}


class TestReasonsAgainstARun:
    @pytest.mark.parametrize("state", RunState)
    def test_are_given_for_each_state(self, state: RunState) -> None:
        run = MigrationRun(state=state)
        assert [reason.code for reason in reasons_against_run(run, is_complete=False)] == CODES[state]
        assert can_roll_back(run) == (not CODES[state]), "the snapshot says something else"

    def test_add_up(self) -> None:
        run = MigrationRun(state=RunState.EXPIRED, dry_run=True)
        codes = [reason.code for reason in reasons_against_run(run, is_complete=True)]
        assert codes == ["nothing_written", "wrong_state", "stage_complete"]


class TestReasonsAgainstAnUndo:
    @pytest.mark.parametrize(("state", "codes"), [("requested", ["not_done"]), ("failed", ["not_done"]), ("done", [])])
    def test_are_that_it_was_not_done(self, state: str, codes: list[str]) -> None:
        assert [reason.code for reason in reasons_against_undo(Rollback(state=state))] == codes

    def test_are_that_history_does_not_reach_back_to_before_it(self) -> None:
        done = Rollback(state="done", from_revision=4)
        assert [reason.code for reason in reasons_against_undo(done, horizon=5)] == ["history_pruned"]
        assert reasons_against_undo(done, horizon=4) == []


class TestReasonsAgainstARevision:
    @pytest.mark.parametrize(("to", "codes"), [(0, []), (1, ["history_pruned"]), (6, ["history_pruned"]), (7, [])])
    def test_are_that_history_was_pruned_above_it(self, to: int, codes: list[str]) -> None:
        """At revision 0 there was nothing, so no history is needed to go there."""
        assert [reason.code for reason in reasons_against_revision(to, horizon=7)] == codes
