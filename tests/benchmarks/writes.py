"""What a page pays for a write: `setItem` with the SDK installed against the browser's own, in one page of Chromium.

python -m tests.benchmarks.writes
"""

import argparse
import os
import statistics
from dataclasses import dataclass

import django
from playwright.sync_api import Page, Route, sync_playwright

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncserver.settings")
django.setup()

from e2e.browsers import launch  # noqa: E402 - settings must be named first
from syncserver.stack import Stack  # noqa: E402 - as above
from tests.benchmarks.scenes import APP_KEY  # noqa: E402 - as above

WRITES = 6_000
BYTES = 200
KEYS = 100
_BEGIN = """async (appKey) => {
    const { createMigrationClient } = await import("/static/sdk/migration.js");
    globalThis.migration = createMigrationClient({ url: "/", appKey });
}"""
_ROUND = """async ([round, isFirst, writes, bytes, keys]) => {
    const rest = () => new Promise((resolve) => setTimeout(resolve, 100));
    const time = (name) => {
        const value = (name + round).padEnd(bytes - 5, "v");
        const begun = performance.now();
        for (let n = 0; n < writes; n++) localStorage.setItem(`timed:${n % keys}`, value + (10000 + n));
        return (performance.now() - begun) * 1000 / writes;
    };
    const ours = async () => {
        await migration.install();
        if (!(await migration.whenSynced()).ok) throw new Error("it does not write on both sides");
        await rest();
        const took = time("ours");
        await migration.whenSynced();
        migration.uninstall();
        await rest();
        return took;
    };
    if (isFirst) return [await ours(), time("native")];
    const native = time("native");
    await rest();
    return [await ours(), native];
}"""


@dataclass(frozen=True)
class Pair:
    """Microseconds a write costs in one round."""

    ours: float
    native: float


def measure(url: str, *, rounds: int) -> list[Pair]:
    """Time both in turns, one round more than asked for to warm up; which of them is first changes every round."""
    with sync_playwright() as playwright, launch(playwright, "chromium") as browser:
        page = browser.new_page()
        page.route(f"{url}/writes", _answer)
        page.goto(f"{url}/writes")
        page.evaluate(_BEGIN, APP_KEY)
        return [_pair(page, number) for number in range(rounds + 1)][1:]


def _answer(route: Route) -> None:
    route.fulfill(content_type="text/html", body="<!doctype html><title>Writes</title>")


def _pair(page: Page, number: int) -> Pair:
    return Pair(*page.evaluate(_ROUND, [number, number % 2 == 0, WRITES, BYTES, KEYS]))


def report(pairs: list[Pair]) -> None:
    """Print the medians, and what the middle half of the rounds' ratios lies between: others use the machine, too."""
    ratios = [pair.ours / pair.native for pair in pairs]
    print("\n| `setItem` | median, µs |\n|---|---|")
    print(f"| through us | {statistics.median(pair.ours for pair in pairs):.2f} |")
    print(f"| native | {statistics.median(pair.native for pair in pairs):.2f} |")
    low, middle, high = statistics.quantiles(ratios, n=4)
    print(f"\nratio {middle:.2f}, half of {len(pairs)} rounds within {low:.2f} to {high:.2f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="writes", description=__doc__)
    parser.add_argument("--rounds", type=int, default=31)
    options = parser.parse_args()
    with Stack(workers=1, web_processes=1) as stack:
        report(measure(stack.url, rounds=options.rounds))


if __name__ == "__main__":
    main()
