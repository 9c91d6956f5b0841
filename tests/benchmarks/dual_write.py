"""Dual write: ops of one record each from many owners, one or several a request; prints ops a second and their cost.

python -m tests.benchmarks.dual_write --ops 4000 --owners 200
"""

import argparse
import json
import os
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from statistics import median
from urllib.parse import urlsplit
from uuid import uuid4

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncserver.settings")
django.setup()

from syncserver.stack import Stack  # noqa: E402 - settings must be named first
from tests.benchmarks import cpu  # noqa: E402
from tests.benchmarks.scenes import APP_KEY, SHARED_ENV  # noqa: E402
from tests.benchmarks.wire import Browser  # noqa: E402

CONNECTIONS = 8
OWNERS = 200
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


@dataclass
class Device:
    """One owner's device: its headers, and the number of its last op."""

    headers: dict[str, str]
    seq: int = 0

    def request(self, count: int) -> bytes:
        """Return a request of its next ops, as it goes over the line."""
        body = json.dumps({"ops": [self._op() for _ in range(count)]}).encode()
        said = {"Host": "127.0.0.1", "Content-Length": str(len(body)), **self.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
        return f"POST /api/v1/records HTTP/1.1\r\n{head}\r\n".encode() + body

    def _op(self) -> dict[str, object]:
        """Return the next op: one of a hundred keys, written over and over, a few hundred bytes each."""
        self.seq += 1
        value = json.dumps({"text": f"number {self.seq} " + "x" * 150, "done": False, "at": self.seq})
        line = json.dumps([f"note:{self.seq % 100}", value], separators=(",", ":"))
        return {"seq": self.seq, "line": line, "base": None}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="dual_write", description=__doc__)
    parser.add_argument("--ops", type=int, default=4_000)
    parser.add_argument("--owners", type=int, default=OWNERS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 10, 50], help="ops a request")
    options = parser.parse_args()
    for web in ("gunicorn", "daphne"):
        with Stack(env=SHARED_ENV, workers=0, web=web, web_processes=2) as stack:
            devices = _devices(stack.url, options.owners)
            meter = cpu.Meter(stack.processes)
            for _, batch in product(range(options.rounds), options.batches):
                with meter.over(options.ops) as spent:
                    per_second, answers = _race(stack.url, devices, options.ops, batch)
                answers.sort()
                told = ", ".join(f"{name} {micro:.0f}" for name, micro in sorted(spent.items()))
                print(
                    f"{web}, {batch} a request: {per_second:.0f} ops/s,"
                    f" p50 {answers[len(answers) // 2] * 1e3:.1f} ms,"
                    f" p99 {answers[int(len(answers) * 0.99)] * 1e3:.1f} ms; CPU µs an op: {told}"
                )


def rates(stack: Stack, ops: int) -> Iterator[tuple[str, float]]:
    """Yield (how many a request, ops a second, the median of three races) at a stack that runs."""
    devices = _devices(stack.url, OWNERS)
    for batch in (1, 3):
        yield f"{batch} a request", median(_race(stack.url, devices, ops, batch)[0] for _ in range(3))


def _devices(url: str, owners: int) -> list[Device]:
    """Return a device of each owner, once each has a record and each process its plans."""
    devices = [_device(url) for _ in range(owners)]
    _race(url, devices, owners, 1)
    return devices


def _device(url: str) -> Device:
    said = {"Migration-Device": str(uuid4()), "Migration-Fence": "1", "Content-Type": "application/json"}
    return Device({**Browser(url).guest(APP_KEY), **said})


def _race(url: str, devices: list[Device], ops: int, batch: int) -> tuple[float, list[float]]:
    """Send about so many ops, each connection for owners of its own; return ops a second and each answer's time.

    What is sent is written beforehand, and answers are read by hand: a client's cost is none of a server's.
    """
    shares = [devices[place::CONNECTIONS] for place in range(CONNECTIONS)]
    turns = ops // CONNECTIONS // batch
    written = [[share[turn % len(share)].request(batch) for turn in range(turns)] for share in shares]
    started = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        answers = list(pool.map(lambda requests: _drive(url, requests), written))
    took, listed = time.perf_counter() - started, [one for some in answers for one in some]
    return len(listed) * batch / took, listed


def _drive(url: str, requests: list[bytes]) -> list[float]:
    address = urlsplit(url)
    took = []
    with socket.create_connection((address.hostname, address.port), timeout=60) as line:
        for request in requests:
            begun = time.perf_counter()
            line.sendall(request)
            answer = _answer(line)
            took.append(time.perf_counter() - begun)
            if not answer.startswith(b"HTTP/1.1 200 ") or b'"accepted"' not in answer:
                raise AssertionError(repr(answer[:500]))
    return took


def _answer(line: socket.socket) -> bytes:
    """Read one answer; its head names its length, whatever the server."""
    answer = line.recv(65_536)
    while (end := answer.find(b"\r\n\r\n")) < 0:
        answer += _more(line)
    length = int(_LENGTH.search(answer, 0, end + 2)[1])  # type: ignore[index] # each of our answers has one
    while len(answer) < end + 4 + length:
        answer += _more(line)
    return answer


def _more(line: socket.socket) -> bytes:
    more = line.recv(65_536)
    if not more:
        raise AssertionError("the server hung up")
    return more


if __name__ == "__main__":
    main()
