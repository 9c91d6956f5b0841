"""What a browser would send, made ready beforehand so that the generator's own cost stays out of the figures."""

import base64
import gzip
import hashlib
import http.client
import json
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from uuid import uuid4

from migration.values.digests import bucket_of, fingerprint, key_hash, set_digest, to_wire
from migration.values.lines import encode_line, literal
from tests.benchmarks.workload import Snapshot

PAYLOAD_BYTES = 1_048_576
"""A chunk is cut near this size, inflated."""


@dataclass(frozen=True)
class ReadyChunk:
    """One chunk, compressed, with the headers it travels under."""

    body: bytes
    headers: dict[str, str]
    inline: dict[str, object]
    id: str


@dataclass
class ReadyRun:
    """One device's run: everything that will be sent, and what must be found afterwards."""

    manifest: dict[str, object]
    chunks: list[ReadyChunk]
    entries: int
    fingerprints: set[bytes]
    id: str = field(default_factory=lambda: str(uuid4()))
    device: str = field(default_factory=lambda: str(uuid4()))


def ready_run(store: Snapshot) -> ReadyRun:
    """Cut, compress and digest one localStorage."""
    lines = [(key, encode_line(key, value)) for key, value in store.items()]
    prints = {fingerprint(line) for _, line in lines}
    return ReadyRun(_manifest(lines), _chunks([line for _, line in lines]), len(lines), prints)


def _manifest(lines: list[tuple[str, bytes]]) -> dict[str, object]:
    buckets: dict[str, list[bytes]] = {}
    for key, line in lines:
        buckets.setdefault(bucket_of(key_hash(literal(key))), []).append(fingerprint(line))
    size = sum(len(line) for _, line in lines)
    collection = {
        "name": "app",
        "patterns": ["*"],
        "entries": len(lines),
        "deleted": 0,
        "bytes": size,
        "buckets": {name: to_wire(set_digest(prints)) for name, prints in buckets.items()},
    }
    nothing = {"count": 0, "digest": to_wire(set_digest([])), "rules": {}}
    return {"version": 1, "entries": len(lines), "bytes": size, "collections": [collection], "withheld": nothing}


def _chunks(lines: list[bytes]) -> list[ReadyChunk]:
    chunks: list[ReadyChunk] = []
    waiting: list[bytes] = []
    size = 0
    for line in lines:
        waiting.append(line)
        size += len(line) + 1
        if size >= PAYLOAD_BYTES:
            chunks.append(_chunk(waiting, seq=len(chunks) + 1))
            waiting, size = [], 0
    return [*chunks, _chunk(waiting, seq=len(chunks) + 1)] if waiting else chunks


def _chunk(lines: list[bytes], *, seq: int) -> ReadyChunk:
    payload = b"\n".join(lines) + b"\n"
    body = gzip.compress(payload, 6, mtime=0)
    chunk_id, digest = str(uuid4()), to_wire(hashlib.sha256(payload).digest())
    headers = {
        "Content-Type": "application/x-ndjson",
        "Content-Encoding": "gzip",
        "Migration-Seq": str(seq),
        "Migration-Entries": str(len(lines)),
        "Migration-Bytes": str(len(payload)),
        "Migration-Sha256": digest,
    }
    inline = {
        "id": chunk_id,
        "seq": seq,
        "entries": len(lines),
        "bytes": len(payload),
        "sha256": digest,
        "encoding": "gzip",
        "data": base64.b64encode(body).decode(),
    }
    return ReadyChunk(body, headers, inline, chunk_id)


class Browser:
    """One kept-alive connection that speaks the wire and notes how long each answer took."""

    def __init__(self, url: str) -> None:
        """Connect to `url`, scheme and host."""
        self._netloc = urlsplit(url).netloc
        self._connection = http.client.HTTPConnection(self._netloc, timeout=120)
        self.took: list[tuple[str, float]] = []

    def hang_up(self) -> None:
        """Close the connection; the next request opens another."""
        self._connection.close()

    def send(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, dict[str, object]]:
        """Send one request and return status and JSON body."""
        started = time.perf_counter()
        self._connection.request(method, "/api/v1" + path, body, headers)
        answer = self._connection.getresponse()
        raw = answer.read()
        self.took.append((method + " " + path.split("/")[1], time.perf_counter() - started))
        return answer.status, json.loads(raw) if raw else {}

    def expect(
        self, status: set[int], method: str, path: str, body: object, headers: dict[str, str]
    ) -> dict[str, object]:
        """Send JSON (or bytes) and return the body. Raises AssertionError for any other status."""
        raw = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        got, answer = self.send(method, path, raw, {"Content-Type": "application/json", **headers})
        if got not in status:
            raise AssertionError(f"{method} {path}: {got} {answer}")
        return answer

    def guest(self, app_key: str) -> dict[str, str]:
        """Open a guest's session and return the headers of its later requests."""
        guest = to_wire(hashlib.sha256(uuid4().bytes).digest())
        session = self.expect({200}, "POST", "/sessions", {"app_key": app_key, "guest": guest}, {})
        return {"Authorization": f"Bearer {session['token']}"}

    def migrate(self, run: ReadyRun, headers: dict[str, str]) -> None:
        """Bring one run to its receipt: in one request where it is small, else chunk by chunk."""
        headers = {**headers, "Migration-Device": run.device, "Migration-Fence": "1"}
        body = {"id": run.id, "purpose": "migrate", "dry_run": False, "options": {}, "manifest": run.manifest}
        if len(run.chunks) == 1:
            self.expect({200, 201}, "POST", "/runs", {**body, "chunks": [run.chunks[0].inline], "seal": True}, headers)
        else:
            self.expect({200, 201}, "POST", "/runs", body, headers)
            for chunk in run.chunks:
                path = f"/runs/{run.id}/chunks/{chunk.id}"
                self.expect({200, 201}, "PUT", path, chunk.body, {**headers, **chunk.headers})
            self.expect({200}, "POST", f"/runs/{run.id}/seal", {"manifest": run.manifest}, headers)
        self._await_receipt(run, headers)

    def _await_receipt(self, run: ReadyRun, headers: dict[str, str]) -> None:
        for _ in range(30):
            status, answer = self.send("GET", f"/runs/{run.id}/receipt?wait=10", None, headers)
            if status == http.client.OK:
                return
            if status != http.client.ACCEPTED or answer.get("state") not in ("transferring", "verifying"):
                raise AssertionError(f"no receipt: {status} {answer}")
        raise AssertionError("no receipt after five minutes")
