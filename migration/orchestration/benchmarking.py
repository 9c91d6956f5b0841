"""Strategies measured side by side on this machine and data: the real statements, on tables of a schema of their own.

The schema holds copies of the tables' shapes, indexes included; it stands in front of the real one in the search path
of the connections that measure, so that nothing of anybody is touched, and it goes when the measuring ends.
"""

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any
from uuid import UUID, uuid4

import psutil
from django.db import connection, transaction

from migration.loading import Exact, LoadEngine, Part, RunTerms, Strategy
from migration.mapping import all_in, map_rows
from migration.orchestration.benchmarking_room import scratch
from migration.values.lines import decode_lines, encode_line
from migration.values.rows import Row
from migration.values.stored import line_of
from migration.values.versions import Version

_BATCH = 5_000
_SAMPLE = """
SELECT r.owner_id, r.key_json, r.form, r.value::text, r.collection FROM migration_record r
JOIN migration_owner o ON o.id = r.owner_id WHERE o.app_id = %s AND r.value IS NOT NULL
ORDER BY r.owner_id, r.namespace, r.key_hash LIMIT %s
"""
_IN_FRONT = "SELECT set_config('search_path', quote_ident(%s) || ', ' || current_setting('search_path'), false)"
_KEYS_OF_ONE = 100
CASES = ("new", "updates")
"""Records nobody holds, and the same again with other values."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one strategy did with one case: records a second of each round."""

    strategy: str
    case: str
    records: int
    workers: int
    rates: list[float]

    def told(self) -> dict[str, Any]:
        """Return it as results keep it; the rate is the median."""
        middle = round(median(self.rates))
        spread = [round(min(self.rates)), round(max(self.rates))]
        return {
            "strategy": self.strategy,
            "case": self.case,
            "records": self.records,
            "workers": self.workers,
            "records_per_second": middle,
            "spread": spread,
        }


Owned = list[tuple[UUID, list[Row]]]
"""Rows by owner."""


def sample(*, records: int, app_id: UUID | None) -> Owned:
    """Return up to so many of an app's own records, or made-up ones of about 420 bytes; they are only read."""
    return _of_app(app_id, records) if app_id else _made_up(records)


def measure(owned: Owned, *, strategies: Sequence[Strategy], rounds: int, workers: int, at: datetime) -> list[Measured]:
    """Write `owned` by each strategy in turn, `rounds` times, first as new, then with other values over it."""
    count = sum(len(rows) for _, rows in owned)
    rates: dict[tuple[Strategy, str], list[float]] = {(one, case): [] for one in strategies for case in CASES}
    for _ in range(rounds):
        for strategy in strategies:
            with scratch() as schema:
                _settle(owned, schema)
                for case in CASES:
                    seconds = _timed(owned, strategy, case, schema, workers=_several(strategy, workers), at=at)
                    rates[strategy, case].append(count / max(seconds, 1e-6))
    return [
        Measured(strategy, case, count, _several(strategy, workers), found) for (strategy, case), found in rates.items()
    ]


def _settle(owned: Owned, schema: str) -> None:
    with connection.cursor() as cursor:
        given: list[Any] = [[owner_id for owner_id, _ in owned], [len(rows) for _, rows in owned]]
        cursor.execute(f'INSERT INTO "{schema}".migration_owner SELECT * FROM unnest(%s::uuid[], %s::bigint[])', given)


def machine() -> dict[str, Any]:
    """Return what the measuring ran on."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = cursor.fetchone()[0]
    memory = psutil.virtual_memory().total
    return {"cores": len(os.sched_getaffinity(0)), "memory_bytes": memory, "postgres": version}


def _several(strategy: Strategy, workers: int) -> int:
    return workers if strategy in (Strategy.PARALLEL, Strategy.HYBRID) else 1


def _timed(owned: Owned, strategy: Strategy, case: str, schema: str, *, workers: int, at: datetime) -> float:
    """Write with so many threads, each with a connection and owners of its own; return the seconds it took."""
    shares = [owned[number::workers] for number in range(workers)]
    failures: list[BaseException] = []

    def work(share: Owned) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute(_IN_FRONT, [schema])
            _write(share, strategy, case, at=at)
        except BaseException as error:  # noqa: BLE001 - raised again by whoever started the thread
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(share,)) for share in shares]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return time.perf_counter() - begun


def _write(owned: Owned, strategy: Strategy, case: str, *, at: datetime) -> None:
    engine, micros = LoadEngine(strategy.way), int(at.timestamp() * 1_000_000)
    if case == "new":
        versions = [
            Exact(owner_id, Version("default", "default", number, None, 1, None, None, "run", micros), row)
            for owner_id, rows in owned
            for number, row in enumerate(rows, start=1)
        ]
        for first in range(0, len(versions), _BATCH):
            with transaction.atomic():
                engine.write_exact(versions[first : first + _BATCH])
        return
    for number, (owner_id, rows) in enumerate(owned, start=1):
        terms = RunTerms(owner_id, owner_id, "default", "", "", {}, writes=True)
        part = Part.unclaimed(terms, owner_id=owner_id, app_id=owner_id, place=number, seq=0)
        part.rows += [row._replace(fingerprint=bytes(reversed(row.fingerprint))) for row in rows]
        with transaction.atomic():
            engine.restore(part, replaces=True, at=at)


def _of_app(app_id: UUID, records: int) -> Owned:
    found: dict[UUID, list[bytes]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_SAMPLE, [app_id, records])
        for owner_id, key_json, form, text, _ in cursor.fetchall():
            found.setdefault(owner_id, []).append(line_of(key_json, form, text).encode())
    return [(owner_id, _rows(lines)) for owner_id, lines in found.items()]


def _made_up(records: int) -> Owned:
    owned = []
    for first in range(0, records, _KEYS_OF_ONE):
        count = min(_KEYS_OF_ONE, records - first)
        lines = [encode_line(f"todo:{first + n}", f'{{"title":"{"buy milk " * 40}","n":{n}}}') for n in range(count)]
        owned.append((uuid4(), _rows(lines)))
    return owned


def _rows(lines: list[bytes]) -> list[Row]:
    return map_rows(decode_lines(b"".join(line + b"\n" for line in lines)), label_all=all_in("default"))
