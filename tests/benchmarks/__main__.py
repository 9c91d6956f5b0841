"""`make bench`: prints the README's tables.

In rounds, interleaved: L, the textbook's endpoint, upload under daphne and under WSGI, release day. Then once: ops of
dual write, 500 sockets that listen, and a restore.
"""

import argparse
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncserver.settings")
django.setup()

from syncserver.stack import Stack  # noqa: E402 - settings must be named first
from tests.benchmarks import (  # noqa: E402
    archive,
    cpu,
    dual_write,
    limit,
    memory,
    scenes,
    sockets,
    tables,
    textbook,
    workload,
    writes,
)
from tests.benchmarks.wire import ready_run  # noqa: E402

CONNECTIONS = 4
STORE_KEYS = 12_500
TEXTBOOK_KEYS = 2_500


@dataclass(frozen=True)
class Round:
    """One round's figures by name, and the CPU each scene cost by process: microseconds a record, or a user."""

    figures: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, dict[str, float]] = field(default_factory=dict)


def main() -> None:
    """Measure and print."""
    options = _options()
    with Stack(env=scenes.SHARED_ENV, workers=2, web_processes=2) as daphne:
        wsgi = Stack(
            env=scenes.SHARED_ENV,
            workers=0,
            sweeper=False,
            web="gunicorn",
            web_processes=2,
            shared=True,
            database_url=daphne.database_url,
            redis_url=daphne.redis_url,
        )
        with wsgi, textbook.server(daphne.database_url, processes=2) as port:
            processes = {**daphne.processes, "wsgi": wsgi.processes["web"]}
            meter = cpu.Meter(processes)
            rounds = [_round(number, options, daphne, wsgi, port, meter) for number in range(options.rounds + 1)][1:]
            once = _once(options, daphne, wsgi)
            peaks = memory.peaks(processes)
        written = writes.measure(daphne.url, rounds=options.writes) if options.writes else []
    tables.print_all(rounds, once, peaks)
    if written:
        writes.report(written)
    if options.json:
        kept = {"rounds": [asdict(one) for one in rounds], "once": once, "peak_mib": peaks}
        Path(options.json).write_text(json.dumps(kept, indent=1))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count; one more warms up")
    parser.add_argument("--records", type=int, default=100_000, help="records of a round")
    parser.add_argument("--users", type=int, default=200, help="users of a release-day round")
    parser.add_argument("--sockets", type=int, default=500, help="pages that listen; 0: none")
    parser.add_argument("--ops", type=int, default=4_000, help="ops of dual write; 0: none")
    parser.add_argument("--restore", type=int, default=200_000, help="records of the archive; 0: none")
    parser.add_argument("--writes", type=int, default=0, help="rounds of what a page's write costs, in a real Chromium")
    parser.add_argument("--json", help="write every round's figures to this file")
    return parser.parse_args()


def _round(
    number: int, options: argparse.Namespace, daphne: Stack, wsgi: Stack, textbooks_port: int, meter: cpu.Meter
) -> Round:
    seed = number * 1_000_000
    keys = min(STORE_KEYS, options.records)
    stores = [workload.snapshot(seed + place, keys=keys) for place in range(options.records // keys)]
    records = sum(len(store) for store in stores)
    rows, found = limit.ready_rows(stores), Round()
    with meter.over(records) as found.cpu["L"]:
        found.figures["L"] = limit.measure(daphne.database_url, rows, records=records)
    few = [workload.snapshot(seed + place, keys=TEXTBOOK_KEYS) for place in range(CONNECTIONS)]
    found.figures["textbook"] = textbook.measure(daphne.database_url, textbooks_port, few, connections=CONNECTIONS)
    for name, stack in (("daphne", daphne), ("wsgi", wsgi)) if number % 2 else (("wsgi", wsgi), ("daphne", daphne)):
        runs = [ready_run(store) for store in stores]
        with meter.over(records) as found.cpu[f"upload {name}"]:
            measured = scenes.upload(stack.url, runs, connections=CONNECTIONS)
        scenes.compare_contents(daphne.database_url, runs)
        found.figures[f"upload {name}"] = measured.per_second
        users = [ready_run(workload.snapshot(seed + 500_000 + user)) for user in range(options.users)]
        with meter.over(options.users) as found.cpu[f"users {name}"]:
            measured = scenes.release_day(stack.url, users, connections=CONNECTIONS * 2)
        scenes.compare_contents(daphne.database_url, users)
        found.figures.update(_of_users(name, measured, len(users)))
    return found


def _once(options: argparse.Namespace, daphne: Stack, wsgi: Stack) -> dict[str, float]:
    """Measure what needs no rounds; names say the unit."""
    found: dict[str, float] = {}
    if options.ops:
        for name, stack in (("wsgi", wsgi), ("daphne", daphne)):
            found |= {f"ops/s, {name}, {what}": per_second for what, per_second in dual_write.rates(stack, options.ops)}
    if options.sockets:
        waited = sockets.measure(daphne.url, daphne.database_url, pages=options.sockets)
        for part in (50, 95, 99):
            found[f"commit to page, {options.sockets} sockets, p{part}, ms"] = 1e3 * waited[len(waited) * part // 100]
    if options.restore:
        found |= archive.measure(daphne, options.restore)
    return found


def _of_users(name: str, measured: scenes.Measured, users: int) -> dict[str, float]:
    acks = sorted(took for what, took in measured.took if what == "POST runs")
    return {
        f"users {name}": measured.per_second,
        f"requests {name}": measured.requests / users,
        f"ack p50 {name}": acks[len(acks) // 2] * 1000,
        f"ack p99 {name}": acks[int(len(acks) * 0.99)] * 1000,
    }


if __name__ == "__main__":
    main()
