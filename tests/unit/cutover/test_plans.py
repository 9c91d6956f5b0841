"""Plans: what is decided follows from stage, gates, breach and time, and never goes further than it may."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.cutover.effective import ROAD
from migration.cutover.gates import WHOLE, Gate
from migration.cutover.plans import (
    MOST_BREACHES,
    RELEASED_BY_HAND,
    SERVING,
    STANDARD,
    Advance,
    AwaitRelease,
    Plan,
    PlanInvalid,
    Situation,
    Step,
    StepBack,
    Wait,
    decide,
    plan_for,
)
from migration.states import STAGE, Stage

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OPEN, SHUT = Gate("diff", 0.0, 1.0, True, "Well."), Gate("diff", 2.0, 1.0, False, "Bad.")
Shares = st.lists(st.integers(1, WHOLE), min_size=1, max_size=6, unique=True).map(sorted)
Durations = st.integers(0, 10**6)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    return Plan(tuple(Step(share, draw(Durations)) for share in draw(Shares)), draw(Durations))


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    return Situation(
        stage=draw(st.sampled_from(list(Stage))),
        percentage=draw(st.sampled_from([0, WHOLE]) | st.integers(0, WHOLE)),
        since=NOON - timedelta(seconds=draw(Durations)),
        plan=draw(st.none() | plans()),
        paused=draw(st.booleans()),
        panic=draw(st.booleans()),
        released=draw(st.none() | st.sampled_from(list(Stage))),
        breaches=draw(st.integers(0, MOST_BREACHES + 1)),
    )


Gates = st.lists(st.sampled_from([OPEN, SHUT]), max_size=3)
Breaches = st.none() | st.just("Half of it differs.")


class TestDeciding:
    @given(situations(), Gates, Breaches)
    def test_always_says_why(self, situation: Situation, gates: list[Gate], breach: str | None) -> None:
        assert decide(situation, gates=gates, breach=breach, now=NOON).reason.endswith(".")

    @given(situations(), Gates, Breaches)
    def test_advances_one_legal_step_only(self, situation: Situation, gates: list[Gate], breach: str | None) -> None:
        told = decide(situation, gates=gates, breach=breach, now=NOON)
        if not isinstance(told, Advance):
            return
        if told.stage == situation.stage:
            assert told.stage == Stage.RAMP
            assert told.percentage > situation.percentage
        else:
            assert STAGE.allows(situation.stage, told.stage)
            assert ROAD.index(told.stage) == ROAD.index(situation.stage) + 1

    @given(situations(), Gates, Breaches)
    def test_never_advances_against_gates_pause_panic_breach_or_time(
        self, situation: Situation, gates: list[Gate], breach: str | None
    ) -> None:
        told = decide(situation, gates=gates, breach=breach, now=NOON)
        if not isinstance(told, Advance | AwaitRelease):
            return
        assert SHUT not in gates
        assert not situation.paused
        assert not situation.panic
        assert breach is None or situation.stage not in SERVING
        assert situation.plan is not None
        held = situation.plan.held_for(situation.stage, situation.percentage)
        assert situation.since + held * 2**situation.breaches <= NOON

    @given(situations(), Gates, Breaches)
    def test_gives_reads_to_the_server_for_good_only_when_released(
        self, situation: Situation, gates: list[Gate], breach: str | None
    ) -> None:
        told = decide(situation, gates=gates, breach=breach, now=NOON)
        if isinstance(told, Advance) and told.stage in RELEASED_BY_HAND:
            assert situation.released == told.stage
            assert told.stage == Stage.COMPLETE or situation.percentage == WHOLE

    @given(situations(), Gates)
    def test_of_a_breach_steps_back_wherever_the_server_answers(self, situation: Situation, gates: list[Gate]) -> None:
        told = decide(situation, gates=gates, breach="Half of it differs.", now=NOON)
        assert isinstance(told, StepBack) == (situation.stage in SERVING and not situation.panic)
        if isinstance(told, StepBack):
            assert told.stage == situation.stage or STAGE.allows(situation.stage, told.stage)
            if told.stage == situation.stage == Stage.RAMP:
                assert told.percentage < situation.percentage

    @given(situations(), Gates)
    def test_without_a_breach_never_steps_back(self, situation: Situation, gates: list[Gate]) -> None:
        assert not isinstance(decide(situation, gates=gates, breach=None, now=NOON), StepBack)

    def test_waits_for_a_person_after_a_few_steps_back(self) -> None:
        situation = Situation(Stage.RAMP, 100, NOON - timedelta(days=365), STANDARD, breaches=MOST_BREACHES)
        told = decide(situation, gates=[OPEN], breach=None, now=NOON)
        assert isinstance(told, Wait)
        assert "a person" in told.reason

    def test_holds_longer_after_a_step_back(self) -> None:
        situation = Situation(Stage.RAMP, 100, NOON, STANDARD, breaches=2)
        told = decide(situation, gates=[OPEN], breach=None, now=NOON)
        assert isinstance(told, Wait)
        assert told.until == NOON + timedelta(hours=4)


class TestWalking:
    def walk(self, plan: Plan) -> tuple[list[tuple[Stage, int]], timedelta]:
        """Go the whole way with gates that hold, waiting as told and releasing when asked."""
        now, situation, road = NOON, Situation(Stage.DUAL_WRITE, 0, NOON, plan), []
        while situation.stage != Stage.COMPLETE:
            told = decide(situation, gates=[OPEN], breach=None, now=now)
            if isinstance(told, Wait):
                if told.until is None:
                    break
                now = told.until
            elif isinstance(told, AwaitRelease):
                situation = replace(situation, released=told.stage)
            else:
                assert isinstance(told, Advance)
                road.append((told.stage, told.percentage))
                situation = replace(situation, stage=told.stage, percentage=told.percentage, since=now, released=None)
        return road, now - NOON

    def test_goes_1_5_25_50_100_and_asks_for_the_rest(self) -> None:
        road, took = self.walk(STANDARD)
        ramp = [(Stage.RAMP, share) for share in (100, 500, 2_500, 5_000, WHOLE)]
        assert road == [(Stage.SHADOW, 0), *ramp, (Stage.SERVER_PRIMARY, WHOLE), (Stage.COMPLETE, WHOLE)]
        assert took == timedelta(days=3) + timedelta(hours=7, days=5)

    @given(plans())
    def test_takes_every_step_and_no_less_time_than_asked(self, plan: Plan) -> None:
        road, took = self.walk(plan)
        assert [share for stage, share in road if stage == Stage.RAMP] == [step.percentage for step in plan.steps]
        assert took >= timedelta(seconds=sum(step.seconds for step in plan.steps[:-1]) + 2 * plan.hold_seconds)
        assert (road[-1][0] == Stage.COMPLETE) == (plan.steps[-1].percentage == WHOLE)


class TestPlans:
    def test_of_the_options_end_at_the_percentage(self) -> None:
        assert [step.percentage for step in plan_for(gradual=True, percentage=30).steps] == [100, 500, 2_500, 3_000]
        assert [step.percentage for step in plan_for(gradual=False, percentage=30).steps] == [3_000]
        assert plan_for(gradual=True, percentage=100) == STANDARD

    @given(plans())
    def test_survive_json(self, plan: Plan) -> None:
        assert Plan.from_data(plan.as_data()) == plan

    @pytest.mark.parametrize(
        "data",
        [
            {},
            {"steps": [], "hold_seconds": 0},
            {"steps": [{"percentage": 5, "seconds": 1}, {"percentage": 5, "seconds": 1}], "hold_seconds": 0},
            {"steps": [{"percentage": 10_001, "seconds": 1}], "hold_seconds": 0},
            {"steps": [{"percentage": 1, "seconds": -1}], "hold_seconds": 0},
            {"steps": [{"percentage": "much", "seconds": 1}], "hold_seconds": 0},
            {"steps": 3, "hold_seconds": 0},
        ],
        ids=["empty", "no steps", "twice the same", "above 100 %", "negative", "no number", "no list"],
    )
    def test_that_make_no_sense_are_refused(self, data: dict[str, object]) -> None:
        with pytest.raises(PlanInvalid):
            Plan.from_data(data)

    @pytest.mark.parametrize("percentage", [0, -1, 100.01])
    def test_to_no_percentage_are_refused(self, percentage: float) -> None:
        with pytest.raises(PlanInvalid):
            plan_for(gradual=True, percentage=percentage)
