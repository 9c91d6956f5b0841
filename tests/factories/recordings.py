"""What the simulator of dual write says to its model of the server, said to the real one.

The model is written from semantics.md and knows nothing of this code; the simulator holds the SDK against it, and this
holds it against us. Devices, runs and chunks are named by the browsers; conflicts, timelines and tokens by each server,
so those are translated on the way.
"""

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.test import Client
from django.utils import timezone

from migration.api.tokens import issue_user_token
from migration.models import App, Conflict, Device, Owner
from migration.orchestration import schemas
from migration.values.lines import text_of
from tests.factories.doors import make_tenant
from tests.factories.held import records_of, value_of, versions_of
from tests.factories.loads import at_stage
from tests.factories.ops import line
from tests.factories.workers import Worker

SDK = Path(__file__).parents[2] / "frontend_sdk"
REFUSED = [{"name": "refused", "patterns": ["refused"]}]
NOTHING_FITS = '{"type":"null"}'
_LONG_AGO = timedelta(hours=1)
Json = dict[str, Any]


def recordings(first: int, count: int) -> Iterator[Json]:
    """Play seeds of the simulator and yield what was said in each."""
    node = shutil.which("node")
    assert node, "make test puts one on the path"
    words = [node, "scripts/simulate.mjs", "--record", str(first), str(count)]
    said = subprocess.run(words, cwd=SDK, capture_output=True, check=True, text=True)
    yield from map(json.loads, said.stdout.splitlines())


@dataclass
class Replay:
    """One recording, said to the real server in an app of its own.

    `live` makes the database look like another life of itself, where the recording says so.
    """

    recording: Json
    live: Callable[[str], None]
    worker: Worker = field(default_factory=Worker)
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))
    wrongs: list[str] = field(default_factory=list)
    """Where the real server said something else than the model."""
    said: set[tuple[str, int]] = field(default_factory=set)
    """{(address without ids, status)} of what was compared"""
    standing: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the app."""
        self.tenant = make_tenant(conflict_policy=self.recording["policy"], collections=REFUSED, origins=[])
        schemas.pin_schema(
            app_id=self.tenant.app.id, collection="refused", text=NOTHING_FITS, at=timezone.now(), actor="test"
        )

    def play(self) -> list[str]:
        """Say everything, compare every answer and what is held in the end; return what differs."""
        for number, turn in enumerate(self.recording["turns"]):
            self._stand(turn["standing"])
            if "request" not in turn:
                self.worker.work_until_done()
            elif turn["request"]["path"] != "/tickets":
                self._ask(number, turn)
        for name, held in self.recording["owners"].items():
            self._compare_held(name, held)
        return self.wrongs

    def _stand(self, standing: Json) -> None:
        """Make of the server what happened to the model."""
        if standing == self.standing:
            return
        self.standing = standing
        at_stage(self.tenant.app, standing["stage"])
        App.objects.filter(id=self.tenant.app.id).update(epoch=standing["epoch"])
        self.live(standing["timeline"])

    def _ask(self, number: int, turn: Json) -> None:
        request = turn["request"]
        name, expired = self._who(request)
        answer = self._send(request, name, expired)
        path = re.sub("/[0-9a-f]{8}-[0-9a-f-]*|/[0-9]+", "", request["path"].partition("?")[0])
        said = _as_far(answer.json(), until=turn["body"].get("next"))
        told = essence(path, answer.status_code, said, self._conflicts(name))
        due = essence(path, turn["status"], turn["body"], {})
        self.said.add((f"{request['method']} {path}", answer.status_code))
        if told != due:
            asked = (
                f"{name}: {request['method']} {request['path']} {request['headers']} {request.get('body', '')[:600]}"
            )
            self.wrongs.append(f"turn {number}: {asked}\n  model: {due}\n  real:  {told}")

    def _who(self, request: Json) -> tuple[str, bool]:
        """Return who the model's token names, and whether it has expired."""
        part = request["headers"]["Authorization"].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=="))
        return claims["sub"], claims["generation"] < self.standing["generation"]

    def _send(self, request: Json, name: str, expired: bool) -> Any:
        at = timezone.now() - _LONG_AGO if expired else timezone.now()
        token = issue_user_token(self.tenant.secret, name, app_key=self.tenant.key, at=at)
        path = re.sub("[?&]wait=[0-9]+", "", request["path"])
        ours = {told: known for known, told in self._conflicts(name).items()}
        path = re.sub("^/conflicts/([0-9]+)", lambda found: f"/conflicts/{ours.get(int(found[1]), 0)}", path)
        headers = {**request["headers"], "Authorization": f"Bearer {token}"}
        kind = headers.pop("Content-Type", "application/json")
        body = request.get("body") or ""
        return self.client.generic(request["method"], f"/api/v1{path}", body, content_type=kind, headers=headers)

    def _conflicts(self, name: str) -> dict[int, int]:
        """Return the model's number of each of our conflicts."""
        told = self.recording["owners"].get(name, {"conflicts": []})["conflicts"]
        numbers = {(one["revision"], one["loser"]["line"]): one["id"] for one in told}
        rows = Conflict.objects.filter(owner_id__in=self._owners(name))
        return {row.id: numbers.get((row.record_revision, _loser_of(row)), -row.id) for row in rows}

    def _owners(self, name: str) -> Any:
        return Owner.objects.filter(app=self.tenant.app, subject=name)

    def _compare_held(self, name: str, due: Json) -> None:
        owner = self._owners(name).first()
        told = {"versions": [], "conflicts": []} if owner is None else held_of(owner)
        for part, listed in told.items():
            expected = sorted(map(_plain, due[part]), key=_place)
            if listed != expected:
                only = [one for one in expected if one not in listed]
                ours = [one for one in listed if one not in expected]
                self.wrongs.append(f"{part} of {name} in the end\n  model: {only}\n  real:  {ours}")


def held_of(owner: Owner) -> dict[str, list[Json]]:
    """Return all versions of an owner in the order of their revisions, and all conflicts, as the model has them."""
    devices: dict[UUID | None, str] = {
        None: "server",
        **{one.id: str(one.key) for one in Device.objects.filter(owner=owner)},
    }
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
    return {"versions": versions, "conflicts": sorted(conflicts, key=_place)}


def _loser_of(row: Conflict) -> str:
    return line(text_of(row.key_json), value_of(row.loser_form, row.loser_value))


def _place(one: Json) -> tuple[int, str]:
    return one["revision"], one["line"]


def _plain(one: Json) -> Json:
    """Return a version or a conflict of the model as `held_of` has it."""
    loser = one.get("loser")
    if loser is None:
        return one
    known = {name: one.get(name) for name in ("winner", "state", "revision", "base", "choice")}
    return {**known, **loser}


def essence(path: str, status: int, body: Any, conflicts: dict[int, int]) -> Any:
    """Return what matters of an answer: all that the SDK acts upon. `conflicts` renames ours."""
    if status >= 400:
        return status, body.get("code"), body.get("stage"), body["epoch"] if body.get("code") == "stale_epoch" else None
    parts = ESSENCES.get(path, ())
    found = {name: body.get(name) for name in parts}
    if "outcomes" in found:
        found["outcomes"] = [_outcome(one, conflicts) for one in found["outcomes"] or []]
    if "conflicts" in found:
        listed = [{name: one[name] for name in _SIDES} for one in found["conflicts"]]
        renamed = [{**one, "id": conflicts.get(one["id"], one["id"])} for one in listed]
        found["conflicts"] = sorted(renamed, key=lambda one: one["id"])
    return status, found


def _as_far(body: Any, *, until: str | None) -> Any:
    """Leave out the buckets the model keeps for its next answer: ours reach further."""
    if until is None or "differing" not in body:
        return body
    within = {
        name: {bucket: held for bucket, held in buckets.items() if bucket < until}
        for name, buckets in body["differing"].items()
    }
    return {**body, "differing": {name: buckets for name, buckets in within.items() if buckets}}


ESSENCES = {
    "/records": ("timeline", "revision", "outcomes", "changes", "until", "more"),
    "/records/digests": ("differing",),
    "/conflicts": ("conflicts",),
    "/config": ("stage", "epoch", "timeline"),
    "/runs/missing": ("differing",),
}
_SIDES = ("id", "base", "local", "remote", "who")


def _outcome(one: Json, conflicts: dict[int, int]) -> Json:
    told = {name: value for name, value in one.items() if value is not None and name != "detail"}
    if "conflict" in told:
        told["conflict"] = conflicts.get(told["conflict"], told["conflict"])
    return told
