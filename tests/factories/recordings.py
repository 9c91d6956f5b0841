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

from django.test import Client
from django.utils import timezone

from migration.api.tokens import issue_user_token
from migration.models import App, Owner
from migration.orchestration import schemas
from tests.factories.doors import make_tenant
from tests.factories.essences import NO_NAMES, Names, as_far, essence, held_of, place, plain
from tests.factories.operating import Operator, salt_for
from tests.factories.workers import Worker

SDK = Path(__file__).parents[2] / "frontend_sdk"
COLLECTIONS = [{"name": "refused", "patterns": ["refused"]}, {"name": "objects", "patterns": ["o*"]}]
NOTHING_FITS = '{"type":"null"}'
_LONG_AGO = timedelta(hours=1)
DONE = 0
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
    """{(address without ids, status)} of what was compared, and {(act, DONE)} of what an operator did"""
    standing: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the app."""
        self.tenant = make_tenant(conflict_policy=self.recording["policy"], collections=COLLECTIONS, origins=[])
        owners = {
            name: Owner.objects.create(app=self.tenant.app, kind="account", subject=name)
            for name in self.recording["buckets"]
        }
        App.objects.filter(id=self.tenant.app.id).update(salt=salt_for(owners, self.recording))
        self.operator = Operator(self.tenant.app, owners)
        self.operator.begin(**self.recording["begins"])
        schemas.pin_schema(
            app_id=self.tenant.app.id, collection="refused", text=NOTHING_FITS, at=timezone.now(), actor="test"
        )

    def play(self) -> list[str]:
        """Say everything, compare every answer and what is held in the end; return what differs."""
        for number, turn in enumerate(self.recording["turns"]):
            self._stand(turn["standing"])
            if "act" in turn:
                self.operator.act(**turn["act"])
                self.said.add((turn["act"]["does"], DONE))
            elif "request" not in turn:
                self.worker.work_until_done()
            self._compare_epochs(number)
            if turn.get("request", {"path": "/tickets"})["path"] != "/tickets":
                self._ask(number, turn)
        for name, held in self.recording["owners"].items():
            self._compare_held(name, held)
        return self.wrongs

    def _stand(self, standing: Json) -> None:
        if standing["timeline"] != self.standing.get("timeline"):
            self.live(standing["timeline"])
        self.standing = standing

    def _compare_epochs(self, number: int) -> None:
        """An operator's act, and a rollback, raise the epoch; nothing else does."""
        due = self.standing["epochs"]
        told = self.operator.epochs()
        if told != due:
            self.wrongs.append(f"turn {number}: epochs\n  model: {due}\n  real:  {told}")

    def _ask(self, number: int, turn: Json) -> None:
        request = turn["request"]
        name, expired = self._who(request)
        answer = self._send(request, name, expired)
        path = re.sub("/[0-9a-f]{8}-[0-9a-f-]*|/[0-9]+", "", request["path"].partition("?")[0])
        said = as_far(answer.json(), until=turn["body"].get("next"))
        told = essence(path, answer.status_code, said, self._names(name))
        due = essence(path, turn["status"], turn["body"], NO_NAMES)
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
        path = self._names(name).in_path(path)
        headers = {**request["headers"], "Authorization": f"Bearer {token}"}
        kind = headers.pop("Content-Type", "application/json")
        body = request.get("body") or ""
        return self.client.generic(request["method"], f"/api/v1{path}", body, content_type=kind, headers=headers)

    def _names(self, name: str) -> Names:
        """Return what the model calls what an owner has here."""
        return Names.of(self._owners(name).first(), self.recording["owners"].get(name, {"conflicts": []})["conflicts"])

    def _owners(self, name: str) -> Any:
        return Owner.objects.filter(app=self.tenant.app, subject=name)

    def _compare_held(self, name: str, due: Json) -> None:
        owner = self._owners(name).first()
        told = {"versions": [], "conflicts": []} if owner is None else held_of(owner)
        for part, listed in told.items():
            expected = sorted(map(plain, due[part]), key=place)
            if listed != expected:
                only = [one for one in expected if one not in listed]
                ours = [one for one in listed if one not in expected]
                self.wrongs.append(f"{part} of {name} in the end\n  model: {only}\n  real:  {ours}")
