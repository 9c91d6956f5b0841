"""The checker is itself checked: a sound history passes, and each seeded bug is caught for what it is."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from migration.values.digests import fingerprint, set_digest, to_wire
from migration.values.lines import encode_line
from tests.faults.browser import Write
from tests.faults.checker import Loser, Refused, Seen, Version, check

A, B = "owner-a", "owner-b"


def _sound() -> Seen:
    """A history by hand: A moved from two devices that disagree about k2, B from one with a refused entry.

    phone  seq 1: k1 = p1, k2 = p2      (then the page wrote on) seq 2: k1 = p3
    laptop seq 1: k2 = l2               came later and won; p2 is kept as the loser
    """
    phone, laptop, tablet = "phone", "laptop", "tablet"
    writes = [
        Write(A, phone, "run-1", "c1", 1, 0, "k1", "p1"),
        Write(A, phone, "run-1", "c1", 1, 1, "k2", "p2"),
        Write(A, phone, "run-1", "c2", 2, 0, "k1", "p3 \ud800"),
        Write(A, laptop, "run-2", "c3", 1, 0, "k2", "l2"),
        Write(B, tablet, "run-3", "c4", 1, 0, "k1", "b1"),
        Write(B, tablet, "run-3", "c4", 1, 1, "huge", "b2"),
    ]
    return Seen(
        sent=writes,
        acked=list(writes),
        stores={
            (A, phone): {"k1": "p3 \ud800", "k2": "p2"},
            (A, laptop): {"k2": "l2"},
            (B, tablet): {"k1": "b1", "huge": "b2"},
        },
        records=[
            Version(A, "k1", "p3 \ud800", 3, 2, phone, "run-1"),
            Version(A, "k2", "l2", 4, 1, laptop, "run-2"),
            Version(B, "k1", "b1", 1, 1, tablet, "run-3"),
        ],
        history=[
            Version(A, "k1", "p1", 1, 1, phone, "run-1", until=3),
            Version(A, "k2", "p2", 2, 1, phone, "run-1", until=4),
        ],
        losers=[Loser(A, "k2", "p2", 4)],
        refused=[Refused(B, "run-3", "c4", 1, "huge", "b2")],
        backups=list(writes),
        revisions={A: 4, B: 1},
        runs={
            "run-1": _counters(received=3, stored=3),
            "run-2": _counters(received=1, stored=1),
            "run-3": _counters(received=2, stored=1, quarantined=1),
        },
        statements=[
            _statement(A, "run-1", stored=[("k1", "p3 \ud800"), ("k2", "p2")]),
            _statement(A, "run-2", stored=[("k2", "l2")]),
            _statement(B, "run-3", stored=[("k1", "b1")], quarantined=[("huge", "b2")]),
        ],
    )


def _counters(*, received: int, **outcomes: int) -> dict[str, int]:
    names = ("stored", "unchanged", "superseded", "conflict", "quarantined")
    return {"received": received, "processed": sum(outcomes.values())} | {name: outcomes.get(name, 0) for name in names}


def _statement(owner: str, run: str, **places: list[tuple[str, str]]) -> dict[str, Any]:
    sets = {
        name: [fingerprint(encode_line(key, value)) for key, value in places.get(name, [])]
        for name in ("stored", "conflict", "quarantined")
    }
    stated = {name: {"entries": len(marks), "digest": to_wire(set_digest(marks))} for name, marks in sets.items()}
    return {"owner": owner, "run": run, **stated}


def _acknowledged_before_commit(seen: Seen) -> None:
    seen.backups = [write for write in seen.backups if write.chunk != "c3"]
    seen.records = [one for one in seen.records if one.run != "run-2"]
    seen.history = [one for one in seen.history if one.key != "k2"]
    seen.records.append(Version(A, "k2", "p2", 2, 1, "phone", "run-1"))


def _no_dedupe(seen: Seen) -> None:
    seen.history.append(Version(A, "k1", "p3 \ud800", 3, 2, "phone", "run-1", until=5))
    seen.records[0] = replace(seen.records[0], revision=5)
    seen.revisions[A] = 5


def _chunk_stored_twice(seen: Seen) -> None:
    seen.backups.append(seen.backups[0])


def _no_fence(seen: Seen) -> None:
    """A stalled worker woke and wrote its old batch over the new one."""
    seen.records[0] = Version(A, "k1", "p1", 5, 1, "phone", "run-1")
    seen.history[0] = Version(A, "k1", "p3 \ud800", 3, 2, "phone", "run-1", until=5)


def _replaced_by_u_fffd(seen: Seen) -> None:
    seen.records[0] = replace(seen.records[0], value="p3 \ufffd")


def _altered_in_the_backup(seen: Seen) -> None:
    seen.backups[2] = replace(seen.backups[2], value="p3 \ufffd")


def _dropped_history(seen: Seen) -> None:
    seen.history.pop(0)


def _overwrote_without_keeping_the_loser(seen: Seen) -> None:
    seen.losers.clear()


def _wrong_owner(seen: Seen) -> None:
    seen.records[2] = replace(seen.records[2], owner=A, revision=5)
    seen.records[0] = replace(seen.records[0], key="k3")


def _crossed_walls(seen: Seen) -> None:
    seen.records.append(Version(B, "k2", "l2", 2, 1, "tablet", "run-3"))
    seen.revisions[B] = 2


def _counted_but_not_stored(seen: Seen) -> None:
    seen.runs["run-2"] = _counters(received=1, stored=2)


def _outcomes_do_not_sum(seen: Seen) -> None:
    seen.runs["run-3"]["processed"] = 3


def _receipt_without_data(seen: Seen) -> None:
    seen.backups = [write for write in seen.backups if write.run != "run-3"]
    seen.acked = [write for write in seen.acked if write.run != "run-3"]
    seen.records = [one for one in seen.records if one.owner != B]
    seen.refused.clear()
    seen.revisions[B] = 0
    seen.runs["run-3"] = _counters(received=0)
    seen.stores = {place: store for place, store in seen.stores.items() if place[0] != B}


def _receipt_calls_refused_stored(seen: Seen) -> None:
    seen.statements[2] = _statement(B, "run-3", stored=[("k1", "b1"), ("huge", "b2")])


def _refused_twice(seen: Seen) -> None:
    seen.refused.append(seen.refused[0])


def _refused_and_forgotten(seen: Seen) -> None:
    seen.refused.clear()


def _made_up(seen: Seen) -> None:
    seen.records.append(Version(B, "never", "b1", 2, 1, "tablet", "run-3"))
    seen.revisions[B] = 2


def _deletion_by_absence(seen: Seen) -> None:
    seen.history.append(replace(seen.records[0], until=5))
    seen.records[0] = Version(A, "k1", None, 5, 3, "phone", "run-1")
    seen.revisions[A] = 5


def _two_records_for_one_key(seen: Seen) -> None:
    seen.records.append(replace(seen.records[1], revision=5))


SEEDED: list[tuple[Callable[[Seen], None], str]] = [
    (_acknowledged_before_commit, "lost"),
    (_no_dedupe, "duplicated"),
    (_chunk_stored_twice, "duplicated"),
    (_no_fence, "stale"),
    (_replaced_by_u_fffd, "altered"),
    (_altered_in_the_backup, "altered"),
    (_dropped_history, "history"),
    (_overwrote_without_keeping_the_loser, "stale"),
    (_wrong_owner, "phantom"),
    (_crossed_walls, "wrong owner"),
    (_counted_but_not_stored, "miscounted"),
    (_outcomes_do_not_sum, "miscounted"),
    (_receipt_without_data, "hollow receipt"),
    (_receipt_calls_refused_stored, "hollow receipt"),
    (_refused_twice, "duplicated"),
    (_refused_and_forgotten, "lost"),
    (_made_up, "phantom"),
    (_deletion_by_absence, "stale"),
    (_two_records_for_one_key, "duplicated"),
]


def test_a_sound_history_passes():
    assert check(_sound()) == []


@pytest.mark.parametrize(("tamper", "kind"), SEEDED, ids=[tamper.__name__.strip("_") for tamper, _ in SEEDED])
def test_a_seeded_bug_is_caught(tamper, kind):
    seen = copy.deepcopy(_sound())
    tamper(seen)
    assert kind in {problem.kind for problem in check(seen)}
