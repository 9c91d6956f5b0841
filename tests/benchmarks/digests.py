"""Comparing an owner's records by digests: how long one answer takes, and all of them, with records that agree and not.

python -m tests.benchmarks.digests --records 100000
"""

import argparse
import http.client
import json
import os
import time
from uuid import uuid4

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncserver.settings")
django.setup()

from migration.values.lines import encode_line  # noqa: E402 - settings must be named first
from syncserver.stack import Stack  # noqa: E402 - as above
from tests.benchmarks import memory, workload  # noqa: E402 - as above
from tests.benchmarks.dual_write import ENV  # noqa: E402 - as above
from tests.benchmarks.scenes import APP_KEY  # noqa: E402 - as above
from tests.benchmarks.wire import Browser, ready_run  # noqa: E402 - as above

OPS = 500


class Asking:
    """One device's connection."""

    def __init__(self, url: str) -> None:
        said = {"Migration-Device": str(uuid4()), "Migration-Fence": "1", "Content-Type": "application/json"}
        self._headers = {**Browser(url).guest(APP_KEY), **said}
        self._connection = http.client.HTTPConnection(url.partition("//")[2], timeout=120)

    def post(self, path: str, body: dict[str, object]) -> dict[str, object]:
        """Return what is answered; raise AssertionError for anything but 200."""
        self._connection.request("POST", f"/api/v1{path}", json.dumps(body).encode(), self._headers)
        answer = self._connection.getresponse()
        told = answer.read()
        if answer.status != http.client.OK:
            raise AssertionError(f"{answer.status}: {told[:300]!r}")
        read: dict[str, object] = json.loads(told)
        return read


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="digests", description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    store = workload.snapshot(1, keys=options.records)
    claims = ready_run(store).manifest["collections"]
    asked = [{name: one[name] for name in ("name", "patterns", "buckets")} for one in claims]  # type: ignore[attr-defined]
    with Stack(env=ENV, workers=0, web="gunicorn", web_processes=1) as stack:
        device = Asking(stack.url)
        _write(device, store)
        for name, collections in (("agree", asked), ("all differ", [{**asked[0], "buckets": {}}])) * options.rounds:
            _measure(name, device, collections, options.records)
        print({name: f"{peak} MiB" for name, peak in memory.peaks(stack.processes).items()})


def _write(device: Asking, store: workload.Snapshot) -> None:
    lines = [encode_line(key, value).decode() for key, value in store.items()]
    for first in range(0, len(lines), OPS):
        ops = [{"seq": first + place + 1, "line": line} for place, line in enumerate(lines[first : first + OPS])]
        device.post("/records", {"ops": ops})


def _measure(name: str, device: Asking, collections: list[dict[str, object]], records: int) -> None:
    took, listed, first = [], 0, "00"
    while first is not None:
        begun = time.perf_counter()
        told = device.post("/records/digests", {"collections": collections, "first": first})
        took.append(time.perf_counter() - begun)
        listed += sum(len(held) for buckets in told["differing"].values() for held in buckets.values())  # type: ignore[attr-defined]
        first = told["next"]  # type: ignore[assignment]
    print(
        f"{records} records, {name}: {len(took)} answers, longest {max(took) * 1e3:.0f} ms, all {sum(took):.2f} s,"
        f" {listed} keys told"
    )


if __name__ == "__main__":
    main()
