"""The history checker: compares what was acknowledged, what the tables hold, and what the clients hold.

Every value is written once in a lifetime, so each of them found anywhere tells who wrote it, and where it belongs.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from migration.values.digests import fingerprint, set_digest, to_wire
from migration.values.lines import encode_line
from tests.faults.browser import Write


@dataclass(frozen=True)
class Version:
    """A record, or (with `until`) one of its superseded versions."""

    owner: str
    key: str
    value: str | None
    revision: int
    seq: int
    device: str | None
    run: str | None
    until: int | None = None


@dataclass(frozen=True)
class Loser:
    """The losing value of a conflict."""

    owner: str
    key: str
    value: str | None
    revision: int


@dataclass(frozen=True)
class Refused:
    """A quarantined entry."""

    owner: str
    run: str
    chunk: str
    ordinal: int
    key: str
    value: str | None


@dataclass(frozen=True)
class Problem:
    """One thing that is not as it was promised."""

    kind: str
    about: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.about}"


@dataclass
class Seen:
    """All that can be seen from outside once everything is quiet."""

    sent: list[Write] = field(default_factory=list)
    acked: list[Write] = field(default_factory=list)
    stores: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    """{(owner, device): the browser's own store}, of those that have migrated."""
    records: list[Version] = field(default_factory=list)
    history: list[Version] = field(default_factory=list)
    losers: list[Loser] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    backups: list[Write] = field(default_factory=list)
    """Every line of every stored chunk, as opened."""
    revisions: dict[str, int] = field(default_factory=dict)
    runs: dict[str, dict[str, int]] = field(default_factory=dict)
    """{run: its counters}."""
    statements: list[dict[str, Any]] = field(default_factory=list)


def check(seen: Seen) -> list[Problem]:
    """Return everything that is wrong; empty: nothing lost, duplicated, altered or made up."""
    return [problem for look in _LOOKS for problem in look(seen)]


def _identity(one: Write | Version | Loser | Refused) -> tuple[str, str, str | None]:
    return (one.owner, one.key, one.value)


def _line(key: str, value: str | None) -> bytes:
    return fingerprint(encode_line(key, value))


def _lost(seen: Seen) -> Iterator[Problem]:
    """An acknowledged write is in the backup, and its newest of each device and key is held somewhere."""
    backed_up = {(write.run, write.chunk, write.ordinal) for write in seen.backups}
    held = {_identity(one) for place in (seen.records, seen.history, seen.losers, seen.refused) for one in place}
    for write in seen.acked:
        if (write.run, write.chunk, write.ordinal) not in backed_up:
            yield Problem("lost", f"{write} was acknowledged and is in no backup")
    for write in _newest(seen.acked):
        if _identity(write) not in held:
            yield Problem("lost", f"{write} was acknowledged and is held nowhere")


def _newest(writes: Iterable[Write]) -> list[Write]:
    newest: dict[tuple[str, str, str], Write] = {}
    for write in writes:
        place = (write.owner, write.device, write.key)
        if place not in newest or (newest[place].seq, newest[place].ordinal) < (write.seq, write.ordinal):
            newest[place] = write
    return list(newest.values())


def _stale(seen: Seen) -> Iterator[Problem]:
    """What a migrated browser holds is current, or lost to another device in a conflict that kept it."""
    current = {(one.owner, one.key): one for one in seen.records}
    superseded = {_identity(one) for one in seen.losers}
    refused = {_identity(one) for one in seen.refused}
    for (owner, device), store in seen.stores.items():
        for key, value in store.items():
            record = current.get((owner, key))
            if record is not None and record.value == value:
                continue
            identity = (owner, key, value)
            overtaken = record is not None and record.device != device and identity in superseded
            if not overtaken and identity not in refused:
                yield Problem("stale", f"{owner}'s browser holds {identity}, the server {record}")


def _duplicated(seen: Seen) -> Iterator[Problem]:
    """A write takes effect once, a line is stored once per chunk, an entry is refused once."""
    effects = Counter(_identity(one) for one in (*seen.records, *seen.history) if one.value is not None)
    lines = Counter((one.run, one.chunk, one.ordinal) for one in seen.backups)
    refusals = Counter((one.run, one.chunk, one.ordinal) for one in seen.refused)
    losers = Counter((*_identity(one), one.revision) for one in seen.losers)
    keys = Counter((one.owner, one.key) for one in seen.records)
    for counted in (effects, lines, refusals, losers, keys):
        for what, times in counted.items():
            if times > 1:
                yield Problem("duplicated", f"{what} is there {times} times")


def _made_up(seen: Seen) -> Iterator[Problem]:
    """What is held was written, by this owner, under this key, in exactly these code units."""
    written = {_identity(write) for write in seen.sent}
    owners_of = defaultdict(set)
    keys = {(write.owner, write.key) for write in seen.sent}
    for write in seen.sent:
        owners_of[(write.key, write.value)].add(write.owner)
    for one in (*seen.records, *seen.history, *seen.losers, *seen.refused, *seen.backups):
        if _identity(one) in written:
            continue
        if owners_of.get((one.key, one.value)):
            yield Problem("wrong owner", f"{one} was written by {owners_of[one.key, one.value]}")
        elif (one.owner, one.key) in keys:
            yield Problem("altered", f"{one} was never written so")
        else:
            yield Problem("phantom", f"{one} was never written")


def _gaps(seen: Seen) -> Iterator[Problem]:
    """Revisions are gapless per owner, and the versions of a key follow each other without a hole."""
    of_owner: dict[str, list[Version]] = defaultdict(list)
    for one in (*seen.records, *seen.history):
        of_owner[one.owner].append(one)
    for owner, top in seen.revisions.items():
        versions = of_owner[owner]
        if sorted(one.revision for one in versions) != list(range(1, top + 1)):
            yield Problem("history", f"{owner} is at {top} and has {sorted(one.revision for one in versions)}")
        by_key: dict[str, list[Version]] = defaultdict(list)
        for one in versions:
            by_key[one.key].append(one)
        for key, chain in by_key.items():
            chain.sort(key=lambda one: one.revision)
            ends = [one.until for one in chain]
            if ends != [*(one.revision for one in chain[1:]), None]:
                yield Problem("history", f"{owner} {key!r}: the versions of {chain} do not follow each other")


def _miscounted(seen: Seen) -> Iterator[Problem]:
    """Counters are disjoint, sum to what was processed, and say what the tables say."""
    kept = Counter(one.run for one in (*seen.records, *seen.history))
    set_aside = Counter(one.run for one in seen.refused)
    stored = Counter(one.run for one in seen.backups)
    for run, counters in seen.runs.items():
        outcomes = sum(counters[name] for name in ("stored", "unchanged", "superseded", "conflict", "quarantined"))
        for name, counted, found in (
            ("processed", counters["processed"], outcomes),
            ("stored", counters["stored"], kept[run]),
            ("quarantined", counters["quarantined"], set_aside[run]),
            ("received", counters["received"], stored[run]),
        ):
            if counted != found:
                yield Problem("miscounted", f"{run}: {name} is {counted}, found {found}")


def _hollow(seen: Seen) -> Iterator[Problem]:
    """A receipt's four sets are disjoint, complete, and in the tables."""
    held = {_identity(one) for one in (*seen.records, *seen.history)}
    lost = {_identity(one) for one in seen.losers}
    refused = {_identity(one) for one in seen.refused}
    of_run: dict[str, dict[str, Write]] = defaultdict(dict)
    for write in sorted(seen.backups, key=lambda one: (one.seq, one.ordinal)):
        of_run[write.run][write.key] = write
    for statement in seen.statements:
        owner, run = statement["owner"], statement["run"]
        claimed = of_run[run]
        places: dict[str, set[bytes]] = {"stored": set(), "conflict": set(), "quarantined": set()}
        for write in claimed.values():
            identity = (owner, write.key, write.value)
            place = "stored" if identity in held else "conflict" if identity in lost else "quarantined"
            places[place].add(_line(write.key, write.value))
        for name, marks in places.items():
            if statement[name] != {"entries": len(marks), "digest": to_wire(set_digest(marks))}:
                yield Problem("hollow receipt", f"{run}: {name} is {statement[name]}, found {len(marks)}")
        for write in claimed.values():
            is_refused = (owner, write.key, write.value) in refused
            if _line(write.key, write.value) in places["quarantined"] and not is_refused:
                yield Problem("hollow receipt", f"{run}: {write} is held nowhere")


_LOOKS = (_lost, _stale, _duplicated, _made_up, _gaps, _miscounted, _hollow)
