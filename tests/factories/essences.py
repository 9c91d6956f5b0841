"""What the simulator's model server and the real one have to agree upon: the essence of answers and what is held.

Conflicts, rollback points and rollbacks are named by each server itself; `Names` translates.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import UUID

from migration.models import Conflict, Device, Owner, Rollback, RollbackPoint
from migration.values.lines import text_of
from tests.factories.held import records_of, value_of, versions_of
from tests.factories.ops import line

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Names:
    """What the model calls our conflicts (a number), points (their run) and rollbacks (their idempotency key)."""

    conflicts: Mapping[int, int] = field(default_factory=dict)
    points: Mapping[str, str] = field(default_factory=dict)
    rollbacks: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, owner: Owner | None, told: Sequence[Json]) -> Self:
        """Return the names of what an owner has; `told` are the model's conflicts."""
        numbers = {(one["revision"], one["loser"]["line"], one["loser"]["device"]): one["id"] for one in told}
        devices = devices_of(owner)
        conflicts = Conflict.objects.filter(owner_id__in=[owner.id] if owner else [])
        points = RollbackPoint.objects.filter(owner=owner).values_list("id", "run_id")
        rollbacks = Rollback.objects.filter(owner=owner).values_list("id", "idempotency_key")
        return cls(
            {
                row.id: numbers.get((row.record_revision, _loser_of(row), devices[row.loser_device_id]), -row.id)
                for row in conflicts
            },
            {str(ours): str(run) for ours, run in points},
            {str(ours): str(key) for ours, key in rollbacks},
        )

    def in_path(self, path: str) -> str:
        """Return a path the model was asked as we have it."""
        kinds: dict[str, Mapping[Any, Any]] = {
            "conflicts": self.conflicts,
            "rollback-points": self.points,
            "rollbacks": self.rollbacks,
        }
        found = re.match("^/(conflicts|rollback-points|rollbacks)/([0-9a-f-]+)", path)
        if found is None:
            return path
        ours = {str(theirs): known for known, theirs in kinds[found[1]].items()}
        return f"/{found[1]}/{ours.get(found[2], found[2])}{path[found.end() :]}"


NO_NAMES = Names()


def devices_of(owner: Owner | None) -> dict[UUID | None, str]:
    """Return what an owner's devices call themselves."""
    return {None: "server", **{one.id: str(one.key) for one in Device.objects.filter(owner=owner)}}


def held_of(owner: Owner) -> dict[str, list[Json]]:
    """Return all versions of an owner in the order of their revisions, and all conflicts, as the model has them."""
    devices = devices_of(owner)
    every = sorted([*records_of(owner).values(), *versions_of(owner)], key=lambda one: one.revision)
    versions = [
        {
            "line": line(one.key, one.value),
            "revision": one.revision,
            "device": devices[one.device_id],
            "seq": one.seq,
            "cause": one.cause,
        }
        for one in every
    ]
    rows = Conflict.objects.filter(owner_id=owner.id)
    conflicts = [
        {
            "winner": row.winner,
            "state": row.state,
            "revision": row.record_revision,
            "base": row.base_revision,
            "choice": row.choice or None,
            "line": _loser_of(row),
            "device": devices[row.loser_device_id],
            "seq": row.loser_seq,
        }
        for row in rows
    ]
    return {"versions": versions, "conflicts": sorted(conflicts, key=place)}


def _loser_of(row: Conflict) -> str:
    return line(text_of(row.key_json), value_of(row.loser_form, row.loser_value))


def place(one: Json) -> tuple[int, str, str]:
    return one["revision"], one["line"], one["device"]


def plain(one: Json) -> Json:
    """Return a version or a conflict of the model as `held_of` has it."""
    loser = one.get("loser")
    if loser is None:
        return {name: told for name, told in one.items() if name != "run"}
    known = {name: one.get(name) for name in ("winner", "state", "revision", "base", "choice")}
    return {**known, **loser}


def essence(path: str, status: int, body: Any, names: Names) -> Any:
    """Return what matters of an answer: all that the SDK acts upon. `names` renames what is ours."""
    if status >= 400:
        return (
            status,
            body.get("code"),
            body.get("stage"),
            _current(body) if body.get("code") == "stale_epoch" else None,
        )
    parts = ESSENCES.get(path, ())
    found = {name: body.get(name) for name in parts}
    for name, known in (("id", names.rollbacks), ("undoes", names.rollbacks), ("point", names.points)):
        if name in found:
            found[name] = known.get(found[name], found[name])
    if "points" in found:
        found["points"] = [(one["run"], one["revision"]) for one in found["points"]]
    if "outcomes" in found:
        found["outcomes"] = [_outcome(one, names.conflicts) for one in found["outcomes"] or []]
    if "conflicts" in found:
        listed = [{name: one[name] for name in _SIDES} for one in found["conflicts"]]
        renamed = [{**one, "id": names.conflicts.get(one["id"], one["id"])} for one in listed]
        found["conflicts"] = sorted(renamed, key=lambda one: one["id"])
    return status, found


def as_far(body: Any, *, until: str | None) -> Any:
    """Leave out the buckets the model keeps for its next answer: ours reach further."""
    if until is None or "differing" not in body:
        return body
    within = {
        name: {bucket: held for bucket, held in buckets.items() if bucket < until}
        for name, buckets in body["differing"].items()
    }
    return {**body, "differing": {name: buckets for name, buckets in within.items() if buckets}}


_ROLLBACK = ("id", "scope", "state", "run", "point", "undoes", "to_revision", "from_revision", "reverted")
ESSENCES: dict[str, tuple[str, ...]] = {
    "/records": ("timeline", "revision", "outcomes", "changes", "until", "more"),
    "/records/digests": ("differing",),
    "/conflicts": ("conflicts",),
    "/config": ("stage", "stages", "panic", "epoch", "timeline"),
    "/records/read": ("records", "timeline"),
    "/rollback-points": ("points",),
    "/runs/rollback": _ROLLBACK,
    "/rollback-points/rollback": _ROLLBACK,
    "/rollbacks": _ROLLBACK,
    "/rollbacks/undo": _ROLLBACK,
    "/runs/missing": ("differing",),
}
_SIDES = ("id", "base", "local", "remote", "who")


def _current(body: Json) -> Any:
    """Return what a device is told whose epoch has risen."""
    return body["epoch"], {name: body["config"][name] for name in ESSENCES["/config"]}


def _outcome(one: Json, conflicts: Mapping[int, int]) -> Json:
    told = {name: value for name, value in one.items() if value is not None and name != "detail"}
    if "conflict" in told:
        told["conflict"] = conflicts.get(told["conflict"], told["conflict"])
    return told
