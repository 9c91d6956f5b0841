"""What a person's advance is held to: the same gates a plan waits for, as they are now."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from migration.cutover import Requests, requests_of
from migration.cutover.gates import Gate, Limits, failing, gates_of, in_words
from migration.errors import GatesClosed
from migration.models import REST, App
from migration.orchestration.measuring import measure, standing_since


def gates_now(*, app: App, collection: str, at: datetime) -> list[Gate]:
    """Return the gates of the stage a collection stands at, with their figures of now."""
    requests = requests_of(app)
    counted = counted_as(collection, requests)
    measured = measure(app=app, since=standing_since(app, [counted]), at=at)
    stage = requests.of(collection).stage
    return gates_of(stage=stage, figures=measured[counted].figures, limits=Limits.of(app.limits))


def counted_as(collection: str, requests: Requests) -> str:
    """Return the name a collection's comparisons are told under: browsers tell those of the rest as one."""
    return collection if collection in requests.own else REST


def admit(gates: Sequence[Gate], *, force: bool) -> dict[str, Any]:
    """Return what an advance was decided on: its gates, and whether it went against some. Raises GatesClosed.

    `force` goes on whatever the gates say.
    """
    closed = failing(gates)
    if closed and not force:
        raise GatesClosed(in_words(closed), gates=[asdict(gate) for gate in closed])
    return {"gates": [asdict(gate) for gate in gates], "forced": bool(closed)}
