"""A client that speaks the wire as the SDK does: it retries, resumes, repairs, and remembers what was acknowledged."""

import itertools
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from migration.values.digests import bucket_of, key_hash
from migration.values.lines import literal
from tests.factories.doors import guest_id
from tests.factories.uploads import ChunkUpload, chunk_of, manifest_of

APP = "pk_demo"
COLLECTIONS = (("notes", ("note:*",)), ("todos", ("todo:*",)))
LONGEST_WAIT = 1.0
"""Seconds between two attempts at most: tests have no server to spare."""

_TRUST = ssl.create_default_context()
"""One for all: each client would read the machine's certificates anew, 17 ms and most of a megabyte."""

SUSPICIOUS_RATIO = 100
"""What compresses better than this is sent as it is: the server takes it for a bomb."""

Entry = tuple[str, str | None]


class GaveUp(AssertionError):
    """A client did not get through in the time it was given."""


@dataclass(frozen=True)
class Write:
    """One entry as one chunk carried it."""

    owner: str
    device: str
    run: str
    chunk: str
    seq: int
    ordinal: int
    key: str
    value: str | None


@dataclass(frozen=True)
class Answer:
    """What one request came to; status 0: no answer."""

    method: str
    path: str
    status: int
    retry_after: str | None
    code: str


@dataclass
class Browser:
    """One device of one owner with its own localStorage."""

    url: str
    guest: str = field(default_factory=guest_id)
    device: str = field(default_factory=lambda: str(uuid4()))
    store: dict[str, str] = field(default_factory=dict)
    patience: float = 60.0
    owner: str = ""
    token: str = ""
    seq: int = 0
    sent: list[Write] = field(default_factory=list)
    acked: list[Write] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    statements: list[dict[str, Any]] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    sessions: int = 0
    timeout: float = 10.0
    """Seconds a request may take."""
    wait: int = 2
    """Seconds the server is asked to wait for a receipt before it answers without one."""
    app: str = APP

    def __post_init__(self) -> None:
        self._http = httpx.Client(timeout=self.timeout, verify=_TRUST)
        self._twins: list[Browser] = []
        self._entries = itertools.count()

    def close(self) -> None:
        """Hang up."""
        self._http.close()
        for twin in self._twins:
            twin.close()

    def reconnect(self) -> None:
        """Hang up and let the next request open a connection of its own."""
        self._http.close()
        self._http = httpx.Client(timeout=self.timeout, verify=_TRUST)

    def twin(self) -> "Browser":
        """Return the same browser once more: another tab, with a connection of its own."""
        whose = {"guest": self.guest, "device": self.device, "token": self.token, "owner": self.owner}
        twin = Browser(self.url, timeout=self.timeout, app=self.app, **whose)
        self._twins.append(twin)
        return twin

    # --- what the page does ----------------------------------------------------------------------------------

    def write(self, count: int, *, keys: Iterable[str] | None = None) -> None:
        """Let the page write `count` entries, each with a value nobody has ever written."""
        names = list(keys) if keys is not None else [f"todo:{next(self._entries)}" for _ in range(count)]
        for number, key in enumerate(names):
            self.store[key] = unique_value(self.device, number)

    # --- one request -----------------------------------------------------------------------------------------

    def call(self, method: str, path: str, *, until: float | None = None, **request: Any) -> httpx.Response:
        """Send a request until it is answered with something that is not "later"; raises GaveUp."""
        deadline = until or time.monotonic() + self.patience
        for wait in backoffs():
            response = self.once(method, path, **request)
            if response is not None and response.status_code == httpx.codes.UNAUTHORIZED:
                self.token = ""
            elif response is not None and not (response.status_code >= 500 or response.status_code == 429):
                return response
            if time.monotonic() > deadline:
                raise GaveUp(f"{method} {path}: {self.answers[-1]}")
            time.sleep(min(wait, LONGEST_WAIT))
        raise AssertionError("there is always another attempt")

    def once(self, method: str, path: str, **request: Any) -> httpx.Response | None:
        """Send a request once, with a token; None: no answer came back."""
        if not self.token and path != "/sessions" and not self._sign_in():
            return None
        headers = {"Migration-Device": self.device, **request.pop("headers", {})}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            response = self._http.request(method, f"{self.url}/api/v1{path}", headers=headers, **request)
        except httpx.HTTPError as error:
            self.answers.append(Answer(method, path, 0, None, type(error).__name__))
            return None
        after, code = response.headers.get("Retry-After"), ""
        if response.status_code >= 400 and "json" in response.headers.get("Content-Type", ""):
            code = response.json().get("code", "")
        self.answers.append(Answer(method, path, response.status_code, after, code))
        return response

    def _sign_in(self) -> bool:
        response = self.once("POST", "/sessions", json={"app_key": self.app, "guest": self.guest})
        if response is None or response.status_code != httpx.codes.OK:
            return False
        body = response.json()
        assert self.owner in ("", body["owner"]), "one guest is one owner"
        self.owner, self.token = body["owner"], body["token"]
        self.sessions += 1
        return True

    # --- a run -----------------------------------------------------------------------------------------------

    def migrate(
        self,
        *,
        per_chunk: int = 40,
        between: Callable[[int], None] = lambda _acked: None,
        order: Callable[[list[ChunkUpload]], list[ChunkUpload]] = lambda chunks: chunks,
        **options: Any,
    ) -> dict[str, Any]:
        """Move everything in the store to the server and return the receipt's statement.

        `between` is called after each acknowledged chunk with their number, `order` shuffles the chunks.
        """
        run = self.begin(**options)
        for number, chunk in enumerate(order(self.cut(run, per_chunk)), start=1):
            self.put(run, chunk)
            between(number)
        return self.finish(run)

    def begin(self, **options: Any) -> str:
        """Plan a run for the store as it is; return its id."""
        run = str(uuid4())
        body = {"id": run, "purpose": "migrate", "manifest": self.manifest(), "options": options}
        answer = self.call("POST", "/runs", json=body)
        assert answer.status_code in (200, 201), answer.text
        self.runs.append(run)
        return run

    def manifest(self, version: int = 1) -> dict[str, Any]:
        """Return the manifest of the store as it is."""
        return manifest_of(self.store, collections=COLLECTIONS, version=version)

    def cut(self, run: str, per_chunk: int, keys: Iterable[str] | None = None) -> list[ChunkUpload]:
        """Cut the store (or some keys of it) into chunks, each under the next seq."""
        names = list(self.store if keys is None else keys)
        chunks = []
        for start in range(0, len(names), per_chunk):
            self.seq += 1
            entries = {key: self.store[key] for key in names[start : start + per_chunk]}
            chunk = chunk_of(entries, seq=self.seq)
            if len(chunk.payload) > SUSPICIOUS_RATIO * len(chunk.body):
                chunk = chunk_of(entries, seq=self.seq, encoding="identity")
            self.sent += [
                Write(self.owner, self.device, run, chunk.id, chunk.seq, ordinal, key, value)
                for ordinal, (key, value) in enumerate(entries.items())
            ]
            chunks.append(chunk)
        return chunks

    def put(self, run: str, chunk: ChunkUpload) -> httpx.Response:
        """Upload a chunk until it is acknowledged."""
        answer = self.call("PUT", f"/runs/{run}/chunks/{chunk.id}", content=chunk.body, headers=_headers(chunk))
        assert answer.status_code in (200, 201), answer.text
        assert answer.json() == {"id": chunk.id, "status": "stored", "seq": chunk.seq}
        self.note_acked(chunk)
        return answer

    def put_once(self, run: str, chunk: ChunkUpload) -> httpx.Response | None:
        """Send a chunk once, whatever comes back."""
        answer = self.once("PUT", f"/runs/{run}/chunks/{chunk.id}", content=chunk.body, headers=_headers(chunk))
        if answer is not None and answer.status_code in (200, 201):
            self.note_acked(chunk)
        return answer

    def note_acked(self, chunk: ChunkUpload) -> None:
        """Remember that the server said it has this chunk."""
        known = {(write.chunk, write.ordinal) for write in self.acked}
        self.acked += [
            write for write in self.sent if write.chunk == chunk.id and (write.chunk, write.ordinal) not in known
        ]

    def finish(self, run: str) -> dict[str, Any]:
        """Seal the upload and wait for the receipt, repairing what is missing; return its statement."""
        self._seal(run)
        self.statements.append(self.receipt(run))
        return self.statements[-1]

    def receipt(self, run: str) -> dict[str, Any]:
        """Wait for the receipt of a sealed run, repairing what is missing; return its statement."""
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            answer = self.call("GET", f"/runs/{run}/receipt?wait={self.wait}")
            if answer.status_code == httpx.codes.OK:
                statement: dict[str, Any] = answer.json()["statement"]
                return statement
            snapshot = answer.json()
            if snapshot["state"] == "failed":
                self.call("POST", f"/runs/{run}/resume")
                self._seal(run)
            elif snapshot["state"] == "transferring" and snapshot["mismatch"]:
                self.repair(run)
                self._seal(run)
            elif snapshot["state"] not in ("planned", "transferring", "verifying", "completed"):
                # Completed it may be a moment after the wait was over: the next question has the receipt.
                raise AssertionError(f"the run is {snapshot['state']}: {snapshot['errors']}")
        raise GaveUp(f"no receipt in {self.patience} s: {self.call('GET', f'/runs/{run}').json()}")

    def repair(self, run: str, per_chunk: int = 40) -> int:
        """Send what the server says it lacks under new chunk ids; return how many entries that were."""
        missing = self.missing(run)
        for chunk in self.cut(run, per_chunk, missing):
            self.put(run, chunk)
        return len(missing)

    def missing(self, run: str) -> list[str]:
        """Return the keys the server lacks, or has otherwise, as it tells by digest."""
        listed = [
            {name: one[name] for name in ("name", "patterns", "buckets")} for one in self.manifest()["collections"]
        ]
        answer = self.call("POST", f"/runs/{run}/missing", json={"collections": listed})
        assert answer.status_code == httpx.codes.OK, answer.text
        buckets = {bucket for one in answer.json()["differing"].values() for bucket in one}
        return [key for key in self.store if bucket_of(key_hash(literal(key))) in buckets]

    def _seal(self, run: str) -> None:
        answer = self.call("POST", f"/runs/{run}/seal", json={"manifest": self.manifest()})
        known = answer.status_code == httpx.codes.CONFLICT and answer.json().get("state") in ("verifying", "completed")
        assert answer.status_code == httpx.codes.OK or known, answer.text

    def status_of_puts(self) -> list[int]:
        """Return what every PUT was answered with; 0: nothing came back."""
        return [answer.status for answer in self.answers if answer.method == "PUT"]


def _headers(chunk: ChunkUpload) -> dict[str, str]:
    return {"Content-Type": "application/x-ndjson", **chunk.headers()}


def backoffs() -> Iterator[float]:
    """Yield waits that double, for ever."""
    wait = 0.05
    while True:
        yield wait
        wait = min(wait * 2, LONGEST_WAIT)


_values = itertools.count()
_SHAPES = (
    '{{"id":"{id}","text":"plain"}}',
    "{id} plain text",
    '"{id} \\ud83d\\ude00 \\u0000"',
    "{id} \ud800 lone, \x00 NUL, \ufeff BOM, e\u0301",
    '[1e400,-0,12345678901234567890,"{id}"]',
    '{{"a":1,"a":2,"id":"{id}"}}',
)


def unique_value(device: str, number: int) -> str:
    """Return a value that exists once, in one of the shapes that get altered on the way if anything does."""
    return _SHAPES[number % len(_SHAPES)].format(id=f"{device[:8]}-{next(_values)}")
