"""Every change of a stage from everywhere: legal with its outcome, or refused."""

import itertools

import pytest

from migration.cutover import FIRST_SHARE, ROAD, WHOLE, Action, Standing, changed
from migration.errors import StageChangeInvalid, WrongState
from migration.states import STAGE, Stage

S = Stage
STANDINGS = [
    Standing(stage, share, panic)
    for stage in ROAD
    for share in ((0, 100, 2_500, WHOLE) if stage == S.RAMP else (WHOLE if ROAD.index(stage) > 3 else 0,))
    for panic in (False, True)
]
ASKED = [(action, share) for action in Action for share in (None, 0, 2_500, WHOLE)]
LEGAL = {
    (S.OFF, Action.ADVANCE): (S.DUAL_WRITE, 0),
    (S.DUAL_WRITE, Action.ADVANCE): (S.SHADOW, 0),
    (S.SHADOW, Action.ADVANCE): (S.RAMP, FIRST_SHARE),
    (S.RAMP, Action.ADVANCE): (S.SERVER_PRIMARY, WHOLE),
    (S.DUAL_WRITE, Action.STEP_BACK): (S.OFF, 0),
    (S.SHADOW, Action.STEP_BACK): (S.DUAL_WRITE, 0),
    (S.RAMP, Action.STEP_BACK): (S.SHADOW, 0),
    (S.SERVER_PRIMARY, Action.STEP_BACK): (S.RAMP, WHOLE),
    (S.SERVER_PRIMARY, Action.COMPLETE): (S.COMPLETE, WHOLE),
}


def outcome(standing: Standing, action: Action, share: int | None = None) -> Standing | str:
    try:
        return changed(standing, action, percentage=share)
    except WrongState as refused:
        return str(refused.extras["state"])
    except StageChangeInvalid:
        return "invalid"


class TestTheTable:
    @pytest.mark.parametrize("stage", ROAD, ids=str)
    @pytest.mark.parametrize("action", [Action.ADVANCE, Action.STEP_BACK, Action.COMPLETE], ids=str)
    def test_of_stages_is_this(self, stage: Stage, action: Action) -> None:
        told = outcome(Standing(stage, WHOLE), action)
        if (stage, action) in LEGAL:
            assert told == Standing(*LEGAL[stage, action])
        else:
            assert told == stage

    @pytest.mark.parametrize("standing", STANDINGS, ids=str)
    def test_leads_only_where_the_states_allow(self, standing: Standing) -> None:
        for action, share in ASKED:
            told = outcome(standing, action, share)
            if isinstance(told, Standing):
                assert told.stage == standing.stage or STAGE.allows(standing.stage, told.stage)
                assert 0 <= told.percentage <= WHOLE
                assert told in STANDINGS, "there is no such place"

    def test_lets_nothing_go_forward_in_a_panic_and_everything_back(self) -> None:
        for stage, (action, share) in itertools.product(ROAD, ASKED):
            told = outcome(Standing(stage, WHOLE, panic=True), action, share)
            if isinstance(told, Standing) and action != Action.RELEASE_PANIC:
                assert (ROAD.index(told.stage), told.percentage) <= (ROAD.index(stage), WHOLE)
        back = [outcome(Standing(stage, WHOLE, panic=True), Action.STEP_BACK) for stage in ROAD[1:-1]]
        assert [isinstance(told, Standing) and told.panic for told in back] == [True] * 4

    def test_has_a_step_back_for_each_advance_but_the_last(self) -> None:
        for stage in ROAD[:-2]:
            share = WHOLE if stage == S.RAMP else 0
            ahead = changed(Standing(stage, share), Action.ADVANCE)
            assert changed(ahead, Action.STEP_BACK) == Standing(stage, share)


class TestAShare:
    @pytest.mark.parametrize("share", [-1, WHOLE + 1, 10**9])
    def test_beyond_the_whole_is_refused(self, share: int) -> None:
        assert outcome(Standing(S.RAMP, 100), Action.SET_PERCENTAGE, share) == "invalid"

    def test_is_asked_of_a_ramp_alone(self) -> None:
        assert outcome(Standing(S.SHADOW), Action.ADVANCE, 500) == Standing(S.RAMP, 500)
        assert outcome(Standing(S.RAMP, 500), Action.SET_PERCENTAGE, 0) == Standing(S.RAMP, 0)
        assert outcome(Standing(S.RAMP, 500), Action.SET_PERCENTAGE) == "invalid"
        assert outcome(Standing(S.RAMP, 500), Action.SET_PERCENTAGE, 500) == "ramp"
        assert outcome(Standing(S.DUAL_WRITE), Action.ADVANCE, 500) == "invalid"
        assert outcome(Standing(S.SHADOW), Action.SET_PERCENTAGE, 500) == "shadow"
        assert outcome(Standing(S.RAMP, 500), Action.ADVANCE, 500) == "invalid"

    def test_must_be_the_whole_before_the_server_is_primary(self) -> None:
        assert outcome(Standing(S.RAMP, WHOLE - 1), Action.ADVANCE) == "ramp"

    def test_may_be_lowered_in_a_panic_and_not_raised(self) -> None:
        panicking = Standing(S.RAMP, 500, panic=True)
        assert outcome(panicking, Action.SET_PERCENTAGE, 100) == Standing(S.RAMP, 100, panic=True)
        assert outcome(panicking, Action.SET_PERCENTAGE, 900) == "panic"


class TestAPanic:
    def test_is_declared_and_released_once(self) -> None:
        calm, alarmed = Standing(S.RAMP, 500), Standing(S.RAMP, 500, panic=True)
        assert (outcome(calm, Action.PANIC), outcome(alarmed, Action.RELEASE_PANIC)) == (alarmed, calm)
        assert (outcome(alarmed, Action.PANIC), outcome(calm, Action.RELEASE_PANIC)) == ("panic", "calm")


def put_back(standing: Standing, rest: Standing) -> Standing | str:
    try:
        return changed(standing, Action.REJOIN, rest=rest)
    except WrongState as refused:
        return str(refused.extras["state"])


class TestPuttingBack:
    @pytest.mark.parametrize("rest", STANDINGS, ids=str)
    def test_leads_to_the_rest_and_never_ahead_nor_back_from_the_last_stage(self, rest: Standing) -> None:
        for standing in STANDINGS:
            if standing.panic != rest.panic:
                continue
            ahead = (ROAD.index(rest.stage), rest.percentage) > (ROAD.index(standing.stage), standing.percentage)
            leaves = standing.stage == S.COMPLETE and rest.stage != S.COMPLETE
            assert put_back(standing, rest) == (standing.stage if ahead or leaves else rest)

    def test_is_not_of_what_goes_with_the_rest(self) -> None:
        assert outcome(Standing(S.SHADOW), Action.REJOIN) == "shadow"
