"""A restore of so many records from a compressed archive, against L in the same run; its peak memory.

    python -m tests.benchmarks.archive [--records 1000000]

The archive is written from the benchmark's own distribution, restored beside what the demo app holds, and held to what
the records then are, content by content.
"""

import argparse
import os
import re
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID, uuid4

import django

from syncserver.stack import Stack
from tests.benchmarks import limit
from tests.benchmarks.workload import Snapshot, snapshot

APP = "demo"
PIECE = 200_000
"""Records L is measured with."""


def main() -> None:
    """Measure and print one line of each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    given = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncserver.settings")
    django.setup()
    with Stack(workers=0, web=None) as stack:  # the sweeper's part makes the tables
        for name, figure in measure(stack, given.records).items():
            print(f"{name}: {figure:,.2f}")


def measure(stack: Stack, records: int) -> dict[str, float]:
    """Restore so many records into a stack's Postgres; return records per second, the share of L, and MiB at most."""
    blocks = limit.ready_rows(some := list(snapshots(min(records, PIECE))))
    count = sum(map(len, some))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "archive"
        write(SimpleNamespace(id=uuid4()), path, records)
        before = limit.measure(stack.database_url, blocks, records=count)
        told = stack.project.manage("migration_restore", str(path), "--app", APP)
        after = limit.measure(stack.database_url, blocks, records=count)
        stack.project.manage("migration_verify", str(path), "--app", APP)
    rate = records / _figure("seconds", told)
    return {
        f"restore of {records:,}, records/s": rate,
        f"restore of {records:,}, of L": rate / ((before + after) / 2),
        f"restore of {records:,}, peak MiB": _figure("peak_memory_mb", told),
    }


def _figure(name: str, told: str) -> float:
    """Find a figure in the last line a command has said. Raises AssertionError."""
    last = told.strip().splitlines()[-1]
    found = re.search(rf"{name} ([\d.]+)", last)
    assert found, last
    return float(found[1])


def snapshots(records: int) -> Iterator[Snapshot]:
    """Yield users' storages until there are so many records; the last is cut."""
    left, seed = records, 0
    while left:
        store = dict(islice(snapshot(seed).items(), left))
        yield store
        left, seed = left - len(store), seed + 1


def write(app: object, path: Path, records: int) -> None:
    """Write an archive of so many records, as an export of an app with one device an owner would."""
    import msgspec

    from migration.archives import ArchiveWriter, BucketDigests, Manifest, Scope, owner_line, version_line
    from migration.archives.manifest import CollectionCount
    from migration.archives.reading import bound_to
    from migration.values.lines import encode_line, literal

    now = datetime.now(UTC)
    manifest = Manifest(
        str(uuid4()),
        {"id": str(app.id)},
        "bench",
        now.isoformat(),
        Scope(),
        "gzip",
        False,
        {},
        {},
        [],  # type: ignore[attr-defined]
    )
    digests, count, done, owners = BucketDigests(), CollectionCount(), 0, 0
    moment = int(now.timestamp() * 1_000_000)
    with ArchiveWriter(path, bound_to=bound_to(manifest)) as writer:
        for number, store in enumerate(snapshots(records)):
            owner, device, run = (UUID(int=kind << 64 | number + 1) for kind in (1, 2, 3))
            if writer.is_full:
                writer.end_part()
            row = {"id": owner, "kind": "account", "subject": f"bench-{number}", "revision": len(store), "horizon": 0}
            writer.write(owner_line({**row, "epoch": 1, "created_at": now, "last_seen_at": None}))
            owners += 1
            entries = sorted((sha256(literal(key)).digest(), key, value) for key, value in store.items())
            for revision, (hashed, key, value) in enumerate(entries, start=1):
                line = encode_line(key, value)
                head = ["default", "default", revision, None, 1, device, run, "run", moment]
                writer.write(version_line(msgspec.json.encode(head)[:-1], line))
                digests.add(owner.bytes, "default", hashed[0], sha256(line).digest())
                done += 1
        count.records, count.buckets = done, digests.hexes()["default"]
        manifest.collections = {"default": count}
        manifest.counts = {"owners": owners, "records": done}
        writer.finish(manifest)
    if done != records:
        raise AssertionError(f"{done} of {records} records")


if __name__ == "__main__":
    main()
