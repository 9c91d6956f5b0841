"""A restore of so many records from a compressed archive, against L in the same run; every process's peak memory.

    DATABASE_URL=… python -m tests.benchmarks.archive [--records 1000000]

The archive is written from the benchmark's own distribution, restored into an app that is empty, and held to what the
records then are, content by content.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path
from uuid import UUID, uuid4

import django

from tests.benchmarks.workload import Snapshot, snapshot

PIECE = 200_000
"""Records L is measured with."""


def main() -> None:
    """Measure and print one line of each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    given = parser.parse_args()
    django.setup()
    folder = Path(tempfile.mkdtemp())
    try:
        _measure(given.records, folder / "archive")
    finally:
        shutil.rmtree(folder)


def _measure(records: int, path: Path) -> None:
    from migration.models import App
    from tests.benchmarks import limit

    app = App.objects.create(slug=f"bench-{uuid4().hex[:8]}", name="bench", publishable_key=f"pk_{uuid4().hex}")
    write(app, path, records)
    some = list(snapshots(min(records, PIECE)))
    blocks = limit.ready_rows(some)
    count = sum(map(len, some))
    url = os.environ["DATABASE_URL"]
    before = limit.measure(url, blocks, records=count)
    took, peak = _run("migration_restore", str(path), "--app", app.slug)
    after = limit.measure(url, blocks, records=count)
    _run("migration_verify", str(path), "--app", app.slug)
    rate, ceiling = records / took, (before + after) / 2
    print(f"L {ceiling:,.0f}/s  restore {rate:,.0f}/s  {rate / ceiling:.2f} L  peak {peak} MiB")
    App.objects.filter(id=app.id).delete()


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


def _run(name: str, *args: str) -> tuple[float, int]:
    """Run a command; return its own seconds and peak memory, MiB."""
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, "manage.py", name, *args], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(done.stdout[-2000:] + done.stderr[-2000:])
    last = done.stdout.strip().splitlines()[-1]
    print(f"{name}: {last}", file=sys.stderr)
    seconds, peak = re.search(r"seconds ([\d.]+)", last), re.search(r"peak_memory_mb (\d+)", last)
    return float(seconds[1]) if seconds else time.perf_counter() - begun, int(peak[1]) if peak else 0


if __name__ == "__main__":
    main()
