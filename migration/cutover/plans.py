"""A plan: by which steps a collection goes over to the server, and what is to be done about it now. Pure.

The plan advances by itself while the gates hold, waits when they do not, and steps back where there is a breach. The
last two stages are an operator's to release. A breach steps back without a plan, too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from migration.cutover.gates import WHOLE, Gate, failing, in_words
from migration.states import Stage

MOST_BREACHES = 3
"""After so many steps back a plan waits for a person."""
RELEASED_BY_HAND = frozenset({Stage.SERVER_PRIMARY, Stage.COMPLETE})
SERVING = frozenset({Stage.RAMP, Stage.SERVER_PRIMARY})
"""Stages a breach steps back from: somebody reads the server's copy there, and there is a way back."""


class PlanInvalid(ValueError):
    """A plan's steps do not rise, or lie outside 0 to 100 %; the text says which."""


@dataclass(frozen=True, slots=True)
class Step:
    """A share of the owners in basis points, and how long it is held at least."""

    percentage: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of the ramp, rising, and how long a stage before and after it is held at least, in seconds."""

    steps: tuple[Step, ...]
    hold_seconds: int

    def __post_init__(self) -> None:
        shares = [step.percentage for step in self.steps]
        if not shares or shares != sorted(set(shares)) or shares[0] < 1 or shares[-1] > WHOLE:
            raise PlanInvalid("The steps of a plan rise, from 0.01 % to 100 % at most.")
        if self.hold_seconds < 0 or any(step.seconds < 0 for step in self.steps):
            raise PlanInvalid("A duration is not negative.")

    def next_step(self, percentage: int) -> Step | None:
        """Return the first step above a percentage; None: there is none."""
        return next((step for step in self.steps if step.percentage > percentage), None)

    def step_below(self, percentage: int) -> Step | None:
        """Return the last step below a percentage; None: there is none."""
        return next((step for step in reversed(self.steps) if step.percentage < percentage), None)

    def held_for(self, stage: Stage, percentage: int) -> timedelta:
        """Return how long a stage, and of the ramp a percentage, is held at least."""
        if stage != Stage.RAMP:
            return timedelta(seconds=self.hold_seconds)
        reached = [step.seconds for step in self.steps if step.percentage <= percentage]
        return timedelta(seconds=reached[-1] if reached else self.steps[0].seconds)

    def as_data(self) -> dict[str, Any]:
        """Return the plan as JSON has it."""
        steps = [{"percentage": one.percentage, "seconds": one.seconds} for one in self.steps]
        return {"steps": steps, "hold_seconds": self.hold_seconds}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Plan":
        """Read `as_data`. Raises PlanInvalid."""
        try:
            steps = tuple(Step(int(one["percentage"]), int(one["seconds"])) for one in data["steps"])
            return cls(steps, int(data["hold_seconds"]))
        except (KeyError, TypeError, ValueError) as error:
            raise PlanInvalid(str(error) or "A plan has steps and hold_seconds.") from error


HOUR, DAY = 3_600, 86_400
STANDARD = Plan((Step(100, HOUR), Step(500, 6 * HOUR), Step(2_500, DAY), Step(5_000, DAY), Step(WHOLE, 3 * DAY)), DAY)
"""1 → 5 → 25 → 50 → 100 %, over six days."""


def plan_for(*, gradual: bool, percentage: float) -> Plan:
    """Return the plan of the options enableGradualCutover and cutoverPercentage (0 to 100). Raises PlanInvalid.

    Gradual: the standard steps up to the percentage; else one step to it.
    """
    goal = round(percentage * WHOLE / 100)
    last = Step(goal, STANDARD.steps[-1].seconds)
    below = [step for step in STANDARD.steps if step.percentage < goal] if gradual else []
    return Plan((*below, last), STANDARD.hold_seconds)


# --- decisions --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Situation:
    """Where a collection stands: what is requested since when, its plan, and what a person said about that.

    `released` is the stage an operator let it go on to; `breaches` are the steps back since a person last looked.
    """

    stage: Stage
    percentage: int
    since: datetime
    plan: Plan | None = None
    paused: bool = False
    panic: bool = False
    released: Stage | None = None
    breaches: int = 0


@dataclass(frozen=True, slots=True)
class Advance:
    """Go on to a stage, in the ramp at a percentage."""

    stage: Stage
    percentage: int
    reason: str


@dataclass(frozen=True, slots=True)
class StepBack:
    """Go back to a stage, in the ramp at a percentage."""

    stage: Stage
    percentage: int
    reason: str


@dataclass(frozen=True, slots=True)
class AwaitRelease:
    """All holds; it is for an operator to let it go on to this stage."""

    stage: Stage
    reason: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing now; not before `until`, where that is known."""

    reason: str
    until: datetime | None = None


Decision = Advance | StepBack | AwaitRelease | Wait


def decide(situation: Situation, *, gates: Sequence[Gate], breach: str | None, now: datetime) -> Decision:
    """Say what to do about a collection now. `gates` are those of its stage, `breach` what is bad about now."""
    if breach is not None and situation.stage in SERVING and not situation.panic:
        return _back(situation, breach)
    if situation.stage in _RESTING:
        return Wait(_RESTING[situation.stage])
    if situation.plan is None:
        return Wait("There is no plan.")
    waiting = _waits(situation, situation.plan, now)
    if waiting is not None:
        return waiting
    if closed := failing(gates):
        return Wait(in_words(closed))
    return _on(situation, situation.plan)


_RESTING = {
    Stage.OFF: "It is off, and for a person to begin.",
    Stage.COMPLETE: "The cutover is complete.",
}


def _waits(situation: Situation, plan: Plan, now: datetime) -> Wait | None:
    """Return why nothing is to be done whatever the gates say; None: they decide."""
    if situation.panic:
        return Wait("There is a panic: everybody reads the browser.")
    if situation.paused:
        return Wait("The plan is paused.")
    if situation.breaches >= MOST_BREACHES:
        return Wait(f"It has stepped back {situation.breaches} times; a person has to look and resume the plan.")
    held = plan.held_for(situation.stage, situation.percentage) * 2**situation.breaches
    until = situation.since + held
    if now < until:
        longer = " (longer after a step back)" if situation.breaches else ""
        return Wait(f"It is held for {held}{longer}.", until)
    return None


def _on(situation: Situation, plan: Plan) -> Decision:
    if situation.stage == Stage.DUAL_WRITE:
        return Advance(Stage.SHADOW, 0, "Gates hold and it was held long enough.")
    step = plan.next_step(0 if situation.stage == Stage.SHADOW else situation.percentage)
    if situation.stage in (Stage.SHADOW, Stage.RAMP) and step is not None:
        return Advance(Stage.RAMP, step.percentage, f"Gates hold: on to {step.percentage / 100:g} %.")
    if situation.stage == Stage.RAMP and situation.percentage < WHOLE:
        return Wait(f"The plan ends at {plan.steps[-1].percentage / 100:g} %.")
    target = Stage.SERVER_PRIMARY if situation.stage == Stage.RAMP else Stage.COMPLETE
    if situation.released != target:
        return AwaitRelease(target, f"Gates hold; an operator has to release {target}.")
    return Advance(target, WHOLE, f"Gates hold and an operator released {target}.")


def _back(situation: Situation, breach: str) -> StepBack:
    """Return the step before: of the ramp a lower percentage, below the lowest shadow."""
    if situation.stage == Stage.SERVER_PRIMARY:
        return StepBack(Stage.RAMP, WHOLE, breach)
    below = (situation.plan or STANDARD).step_below(situation.percentage)
    if below is None:
        return StepBack(Stage.SHADOW, 0, breach)
    return StepBack(Stage.RAMP, below.percentage, breach)
