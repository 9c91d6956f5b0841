"""The API is what its description says, whatever is sent: no 5xx, no answer of another shape, nothing forbidden taken.

The fuzzer reads the served OpenAPI and knows nothing else of us: examples, every boundary of every parameter, made-up
requests good and bad, and sequences of operations that use what earlier ones gave them.
"""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from syncserver.stack import PROJECT, Stack
from tests.factories.doors import guest_id

CONFIG = Path(__file__).parent / "described" / "schemathesis.toml"
LIMITED = ("REQUESTS", "GUEST_REQUESTS", "GUEST_SESSIONS", "ADDRESS_REQUESTS", "ADDRESS_REFUSALS")
UNMETERED = ("GUEST_BYTES_PER_DAY", "GUEST_ENTRIES_PER_DAY", "GUEST_RUNS_PER_DAY", "GUEST_STORED_BYTES")
PLENTY = {
    **{f"MIGRATION_{name}_PER_MINUTE": "10000000" for name in LIMITED},
    **{f"MIGRATION_{name}": "0" for name in UNMETERED},
}
"""A fuzzer is refused more often in a minute than any honest address."""
EXAMPLES = ENOUGH = 100
"""Made-up requests for each operation; those at the boundaries of its parameters come on top."""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """The whole thing with a worker, on a database of its own."""
    given = {"database_url": os.environ.get("DATABASE_URL"), "redis_url": os.environ.get("REDIS_URL")}
    with Stack(env=PLENTY, workers=1, web="gunicorn", web_processes=2, **given) as running:
        yield running


ERASING = "owner_erase"
"""The operation after which a guest is refused everything: it is tried by a guest of its own."""


def fuzzed(
    stack: Stack, folder: Path, *words: str, examples: int
) -> tuple[subprocess.CompletedProcess[str], Counter[str]]:
    """Run the fuzzer as a new guest; return how it ended and how many requests each operation got."""
    session = httpx.post(
        f"{stack.url}/api/v1/sessions", json={"app_key": "pk_demo", "guest": guest_id()}, timeout=60
    ).json()
    events = folder / "events.ndjson"
    command = [
        *("schemathesis", "--config-file", str(CONFIG), "run", f"{stack.url}/api/v1/openapi.json", "--no-color"),
        *("--header", f"Authorization: Bearer {session['token']}", "--checks", "all", "--workers", "2"),
        *("--max-examples", str(examples), "--report", "ndjson", "--report-ndjson-path", str(events)),
        *words,
    ]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    return ended, requests_by_operation(events)


def requests_by_operation(events: Path) -> Counter[str]:
    """Count the requests the report tells of, by method and address."""
    count: Counter[str] = Counter()
    for line in events.read_text().splitlines():
        told = json.loads(line).get("ScenarioFinished")
        if told:
            count[told["recorder"].get("label", "")] += len(told["recorder"].get("cases", {}))
    return count


def varied_operations(stack: Stack) -> set[str]:
    """Return method and address of everything described that takes a parameter or a body: the rest has one request."""
    described = httpx.get(f"{stack.url}/api/v1/openapi.json", timeout=60).json()["paths"]
    return {
        f"{method.upper()} {path}"
        for path, address in described.items()
        for method, one in address.items()
        if "parameters" in one or "requestBody" in one
    }


@pytest.mark.stack
class TestTheDescription:
    @pytest.mark.timeout(1_800)
    def test_holds_whatever_is_sent(self, stack: Stack, tmp_path: Path) -> None:
        ended, requests = fuzzed(stack, tmp_path, "--exclude-operation-id", ERASING, examples=EXAMPLES)
        assert ended.returncode == 0, ended.stdout[-6_000:]
        ended, erasures = fuzzed(stack, tmp_path, "--include-operation-id", ERASING, examples=EXAMPLES)
        assert ended.returncode == 0, ended.stdout[-6_000:]
        requests.update(erasures)
        assert {name: requests[name] for name in varied_operations(stack) if requests[name] < ENOUGH} == {}

    @pytest.mark.soak
    @pytest.mark.timeout(7_200)
    def test_holds_for_as_long_as_it_takes(self, stack: Stack, tmp_path: Path) -> None:
        ended, _ = fuzzed(stack, tmp_path, "--exclude-operation-id", ERASING, examples=2_000)
        assert ended.returncode == 0, ended.stdout[-6_000:]
