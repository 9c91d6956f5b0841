"""The tables of moves: well-formed, and what they say is what DESIGN promises."""

import pytest

from migration.states import CHUNK, MACHINES, RUN, STAGE, UPLOAD, RunState, Stage
from migration.states.run import ACCEPTS_CHUNKS, AT_WORK

IDS = [machine.name for machine in MACHINES]


@pytest.mark.parametrize("machine", MACHINES, ids=IDS)
class TestTable:
    def test_names_only_states_that_are_in_it(self, machine):
        targets = {target for moves in machine.table.values() for target in moves}
        assert targets <= set(machine.table)
        assert machine.initial in machine.table

    def test_lists_every_member_of_its_enumeration(self, machine):
        assert set(machine.table) == set(type(machine.initial))

    def test_reaches_every_state_from_the_first(self, machine):
        reached, waiting = set(), [machine.initial]
        while waiting:
            state = waiting.pop()
            if state not in reached:
                reached.add(state)
                waiting.extend(machine.table[state])
        assert reached == set(machine.table)

    def test_says_why_for_each_move_and_stands_still_in_none(self, machine):
        for move in machine.moves():
            assert move.why
            assert move.source != move.target

    def test_is_drawn_whole(self, machine):
        drawn = machine.diagram()
        assert drawn.startswith("stateDiagram-v2")
        for move in machine.moves():
            assert f"{move.source} --> {move.target}: {move.why}" in drawn

    def test_answers_as_its_table_reads(self, machine):
        for source in machine.table:
            for target in machine.table:
                assert machine.allows(source, target) == (target in machine.table[source])
                assert (source in machine.sources_of(target)) == machine.allows(source, target)


def test_an_unknown_state_allows_nothing():
    assert not RUN.allows("nowhere", RunState.PLANNED)


def test_there_is_a_way_back_from_wherever_something_was_loaded():
    loaded = set(RunState) - {RunState.PLANNED, RunState.EXPIRED, RunState.ROLLING_BACK}
    assert set(RUN.sources_of(RunState.ROLLING_BACK)) == loaded


def test_only_an_expired_run_is_over_for_good():
    assert set(RUN.final_states()) == {RunState.EXPIRED}


def test_chunks_are_taken_only_before_verification():
    assert set(ACCEPTS_CHUNKS) == {RunState.PLANNED, RunState.TRANSFERRING}
    assert set(ACCEPTS_CHUNKS) < set(AT_WORK)


def test_each_stage_but_the_ends_has_a_step_back():
    for stage in Stage:
        back = [move for move in STAGE.moves() if move.source == stage and move.why == "step back"]
        assert len(back) == (0 if stage in (Stage.OFF, Stage.COMPLETE) else 1)


def test_a_loaded_chunk_stays_loaded():
    assert CHUNK.final_states() == ("loaded",)
    assert not UPLOAD.allows("expired", "open")
