"""`make bench`: L, upload under daphne and under WSGI, and release day, interleaved; prints the README's table."""

import argparse
import json
import os
import statistics
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncserver.settings")
django.setup()

from syncserver.stack import Stack  # noqa: E402 - settings must be named first
from tests.benchmarks import limit, memory, scenes, workload  # noqa: E402
from tests.benchmarks.wire import ReadyRun, ready_run  # noqa: E402

CONNECTIONS = 4
STORE_KEYS = 12_500
SHARED_ENV = {
    "MIGRATION_REQUESTS_PER_MINUTE": "10000000",
    "MIGRATION_GUEST_SESSIONS_PER_MINUTE": "10000000",
    "SECRET_KEY": "benchmarks-run-on-throw-away-servers-only-0123456789",
}


def main() -> None:
    """Measure and print."""
    options = _options()
    with Stack(env=SHARED_ENV, workers=2) as daphne:
        wsgi = Stack(
            env=SHARED_ENV,
            workers=0,
            sweeper=False,
            web="gunicorn",
            web_processes=2,
            shared=True,
            database_url=daphne.database_url,
            redis_url=daphne.redis_url,
        )
        with wsgi:
            results = [_round(number, options, daphne, wsgi) for number in range(options.rounds + 1)][1:]
            peaks = memory.peaks({**daphne.processes, "wsgi": wsgi.processes["web"]})
    _print(results, peaks)
    if options.json:
        Path(options.json).write_text(json.dumps({"rounds": results, "peak_mib": peaks}, indent=1))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count; one more warms up")
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--users", type=int, default=200, help="users of a release-day round")
    parser.add_argument("--json", help="write every round's figures to this file")
    return parser.parse_args()


def _round(number: int, options: argparse.Namespace, daphne: Stack, wsgi: Stack) -> dict[str, float]:
    seed = number * 1_000_000
    keys = STORE_KEYS if options.records >= STORE_KEYS else options.records
    stores = [workload.snapshot(seed + place, keys=keys) for place in range(options.records // keys)]
    records = sum(len(store) for store in stores)
    found = {"L": limit.measure(daphne.database_url, limit.ready_rows(stores), records=records)}
    for name, stack in (("daphne", daphne), ("wsgi", wsgi)) if number % 2 else (("wsgi", wsgi), ("daphne", daphne)):
        runs = [ready_run(store) for store in stores]
        measured = scenes.upload(stack.url, runs, connections=CONNECTIONS)
        scenes.compare_contents(daphne.database_url, runs)
        found[f"upload {name}"] = measured.per_second
        found |= _release_day(
            name,
            stack,
            daphne.database_url,
            [ready_run(workload.snapshot(seed + 500_000 + user)) for user in range(options.users)],
        )
    return found


def _release_day(name: str, stack: Stack, database_url: str, runs: list[ReadyRun]) -> dict[str, float]:
    measured = scenes.release_day(stack.url, runs, connections=CONNECTIONS * 2)
    scenes.compare_contents(database_url, runs)
    acks = sorted(took for what, took in measured.took if what == "POST runs")
    return {
        f"users {name}": measured.per_second,
        f"requests {name}": measured.requests / len(runs),
        f"ack p50 {name}": acks[len(acks) // 2] * 1000,
        f"ack p99 {name}": acks[int(len(acks) * 0.99)] * 1000,
    }


def _print(results: list[dict[str, float]], peaks: dict[str, float]) -> None:
    middle = {name: statistics.median(result[name] for result in results) for name in results[0]}
    print("| what | median | range | of L (paired) |\n|---|---|---|---|")
    for name in results[0]:
        values = [result[name] for result in results]
        ratio = statistics.median(result[name] / result["L"] for result in results)
        share = f"{ratio:.2f}" if name.startswith(("L", "upload")) else ""
        print(f"| {name} | {middle[name]:,.1f} | {min(values):,.1f} to {max(values):,.1f} | {share} |")
    print("\n| process | peak MiB |\n|---|---|")
    for name, peak in sorted(peaks.items()):
        print(f"| {name} | {peak:.0f} |")


if __name__ == "__main__":
    main()
