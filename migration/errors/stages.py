"""What is wrong with a change of a stage."""

from migration.errors.base import BadInput, Refused


class StageChangeInvalid(BadInput):
    """A share is 0 to 10,000 basis points and goes with a ramp alone; a rate is 0 to 1; pointers begin with a slash."""

    code = "stage_change_invalid"


class GatesClosed(Refused):
    """Gates of the stage do not hold; `gates` says which, with figures, limits and reasons."""

    code = "gates_closed"
