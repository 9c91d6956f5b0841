"""Which changes of a stage are legal, and what they lead to. Pure: where it stands in, where it stands then out."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from migration.cutover.effective import ROAD
from migration.errors import StageChangeInvalid, WrongState
from migration.models import StageChange
from migration.states import STAGE, Stage

Action = StageChange.Action
WHOLE = 10_000
"""All owners, in basis points."""
FIRST_SHARE = 100
"""What a ramp begins with, where nothing else is said: one percent."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a collection stands: its stage, the share a ramp serves (basis points), and whether its app panics."""

    stage: Stage
    percentage: int = 0
    panic: bool = False


@dataclass(frozen=True, slots=True)
class _Given:
    """What goes with an action: the share that was asked for, and where the rest stands."""

    percentage: int | None = None
    rest: Standing | None = None


def changed(
    standing: Standing, action: Action, *, percentage: int | None = None, rest: Standing | None = None
) -> Standing:
    """Return where a collection stands after an action. `percentage` is the share that was asked for.

    `rest` is where the rest stands, of a collection with a stage of its own. Raises WrongState (with `state`) for what
    is not legal from here, StageChangeInvalid for an impossible share.
    """
    if percentage is not None and not 0 <= percentage <= WHOLE:
        raise StageChangeInvalid
    if percentage is not None and not _takes_share(standing, action):
        raise StageChangeInvalid("A share goes with a ramp alone.")
    found = _RULES[action](standing, _Given(percentage, rest))
    if standing.panic and found.panic and is_ahead(found, of=standing):
        raise WrongState("Nothing goes forward in a panic; release it first.", state="panic")
    return found


def _takes_share(standing: Standing, action: Action) -> bool:
    return action == Action.SET_PERCENTAGE or (action == Action.ADVANCE and standing.stage == Stage.SHADOW)


def is_ahead(found: Standing, *, of: Standing) -> bool:
    """Tell whether somebody would be served more than before."""
    return (ROAD.index(found.stage), found.percentage) > (ROAD.index(of.stage), of.percentage)


def _advance(standing: Standing, given: _Given) -> Standing:
    stage = standing.stage
    if stage in (Stage.SERVER_PRIMARY, Stage.COMPLETE):
        raise _illegal(standing, "The last stage is released by `complete` alone.")
    if stage == Stage.RAMP and standing.percentage < WHOLE:
        raise _illegal(standing, f"The ramp serves {standing.percentage / 100:g} %; it goes on from 100 %.")
    onward = ROAD[ROAD.index(stage) + 1]
    return replace(standing, stage=onward, percentage=_share_of(onward, given.percentage))


def _step_back(standing: Standing, _given: _Given) -> Standing:
    behind = ROAD[max(0, ROAD.index(standing.stage) - 1)]
    if not STAGE.allows(standing.stage, behind):
        raise _illegal(standing, f"There is no step back from {standing.stage}.")
    # Whoever was served by the stage ahead is served by all of the ramp.
    return replace(standing, stage=behind, percentage=WHOLE if behind == Stage.RAMP else 0)


def _set_percentage(standing: Standing, given: _Given) -> Standing:
    if standing.stage != Stage.RAMP:
        raise _illegal(standing, "Only a ramp serves a share of the owners.")
    if given.percentage is None:
        raise StageChangeInvalid
    if given.percentage == standing.percentage:
        raise _illegal(standing, "The ramp serves this share already.")
    return replace(standing, percentage=given.percentage)


def _complete(standing: Standing, _given: _Given) -> Standing:
    if not STAGE.allows(standing.stage, Stage.COMPLETE):
        raise _illegal(standing, f"Only server_primary can be completed, not {standing.stage}.")
    return replace(standing, stage=Stage.COMPLETE, percentage=WHOLE)


def _compare(standing: Standing, _given: _Given) -> Standing:
    return standing


def _rejoin(standing: Standing, given: _Given) -> Standing:
    rest = given.rest
    if rest is None:
        raise _illegal(standing, "It goes with the rest already.")
    # Nobody is served by a leap: what lies between is gone through with its gates.
    if is_ahead(rest, of=standing):
        raise _illegal(standing, f"The rest is ahead, at {rest.stage}; advance it there first.")
    if standing.stage == Stage.COMPLETE and rest.stage != Stage.COMPLETE:
        raise _illegal(standing, "There is no step back from complete.")
    return replace(standing, stage=rest.stage, percentage=rest.percentage)


def _panic(standing: Standing, _given: _Given) -> Standing:
    if standing.panic:
        raise WrongState("There is a panic already.", state="panic")
    return replace(standing, panic=True)


def _release_panic(standing: Standing, _given: _Given) -> Standing:
    if not standing.panic:
        raise WrongState("There is no panic.", state="calm")
    return replace(standing, panic=False)


def _share_of(stage: Stage, percentage: int | None) -> int:
    if stage == Stage.RAMP:
        return FIRST_SHARE if percentage is None else percentage
    return WHOLE if ROAD.index(stage) > ROAD.index(Stage.RAMP) else 0


def _illegal(standing: Standing, detail: str) -> WrongState:
    return WrongState(detail, state=str(standing.stage))


_RULES: dict[Action, Callable[[Standing, _Given], Standing]] = {
    Action.ADVANCE: _advance,
    Action.STEP_BACK: _step_back,
    Action.SET_PERCENTAGE: _set_percentage,
    Action.COMPLETE: _complete,
    Action.COMPARE: _compare,
    Action.REJOIN: _rejoin,
    Action.PANIC: _panic,
    Action.RELEASE_PANIC: _release_panic,
}
