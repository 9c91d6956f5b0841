"""Dual write: ops of one record each from many owners, one or several a request; prints ops a second and their cost.

python -m tests.benchmarks.dual_write --ops 4000 --owners 200
"""

import argparse
import http.client
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from urllib.parse import urlsplit
from uuid import uuid4

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncserver.settings")
django.setup()

from syncserver.stack import Stack  # noqa: E402 - settings must be named first
from tests.benchmarks import cpu  # noqa: E402
from tests.benchmarks.__main__ import SHARED_ENV  # noqa: E402
from tests.benchmarks.scenes import APP_KEY  # noqa: E402
from tests.benchmarks.wire import Browser  # noqa: E402

CONNECTIONS = 8
ENV = {**SHARED_ENV, "MIGRATION_GUEST_ENTRIES_PER_DAY": "0", "MIGRATION_GUEST_BYTES_PER_DAY": "0"}


@dataclass
class Device:
    """One owner's device: its headers, and the number of its last op."""

    headers: dict[str, str]
    seq: int = 0

    def body(self, count: int) -> bytes:
        """Return a request of its next ops."""
        return json.dumps({"ops": [self._op() for _ in range(count)]}).encode()

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
    parser.add_argument("--owners", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 10, 50], help="ops a request")
    options = parser.parse_args()
    for web in ("gunicorn", "daphne"):
        with Stack(env=ENV, workers=0, web=web, web_processes=2) as stack:
            devices = [_device(stack.url) for _ in range(options.owners)]
            _race(stack.url, devices, options.owners, 1)  # each has a record, each process a plan
            meter = cpu.Meter(stack.processes)
            for _, batch in product(range(options.rounds), options.batches):
                with meter.over(options.ops) as spent:
                    took, answers = _race(stack.url, devices, options.ops, batch)
                answers.sort()
                told = ", ".join(f"{name} {micro:.0f}" for name, micro in sorted(spent.items()))
                print(
                    f"{web}, {batch} a request: {options.ops / took:.0f} ops/s,"
                    f" p50 {answers[len(answers) // 2] * 1e3:.1f} ms,"
                    f" p99 {answers[int(len(answers) * 0.99)] * 1e3:.1f} ms; CPU µs an op: {told}"
                )


def _device(url: str) -> Device:
    said = {"Migration-Device": str(uuid4()), "Migration-Fence": "1", "Content-Type": "application/json"}
    return Device({**Browser(url).guest(APP_KEY), **said})


def _race(url: str, devices: list[Device], ops: int, batch: int) -> tuple[float, list[float]]:
    """Send so many ops, each connection for owners of its own; return the seconds and each answer's time."""
    shares = [devices[place::CONNECTIONS] for place in range(CONNECTIONS)]
    started = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        answers = list(pool.map(lambda share: _drive(url, share, ops // CONNECTIONS, batch), shares))
    return time.perf_counter() - started, [one for listed in answers for one in listed]


def _drive(url: str, devices: list[Device], ops: int, batch: int) -> list[float]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    took = []
    for turn in range(ops // batch):
        device = devices[turn % len(devices)]
        body, begun = device.body(batch), time.perf_counter()
        connection.request("POST", "/api/v1/records", body, device.headers)
        answer = connection.getresponse()
        told = answer.read()
        took.append(time.perf_counter() - begun)
        if answer.status != http.client.OK or b'"accepted"' not in told:
            raise AssertionError(f"{answer.status}: {told[:300]!r}")
    connection.close()
    return took


if __name__ == "__main__":
    main()
