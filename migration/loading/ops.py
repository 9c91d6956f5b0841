"""Ops: single writes of one device, judged and written by the same rules as batches, in one small statement.

What a batch stages by COPY travels here as arrays: for a few rows a temporary table costs more than the rows.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from migration.asking import ask
from migration.errors import NotFound
from migration.loading.verdicts import DECIDE, PLANNED_ONCE
from migration.values.deletions import Deletions
from migration.values.epochs import Epoch
from migration.values.questions import Question, Statement
from migration.values.rows import Row

# The owner's row is the lock under which records change; the device's keeps its fence from rising meanwhile.
_LOCK = Statement(f"""
SELECT o.revision, a.epoch, o.epoch, d.fence, d.deletions, d.deletions_since, d.deletions_seq, {PLANNED_ONCE}
FROM migration_owner o JOIN migration_app a ON a.id = o.app_id
JOIN migration_device d ON d.owner_id = o.id AND d.id = %(device)s
WHERE o.id = %(owner)s FOR NO KEY UPDATE OF o, d
""")

_OF_KEY = "{0}.owner_id = n.owner_id AND {0}.namespace = n.namespace AND {0}.key_hash = n.key_hash"
# The owner's revision is read here and not handed in: this statement's snapshot is younger than the lock.
_WRITE = Statement(f"""
WITH arrived AS (
    SELECT %(owner)s::uuid AS owner_id, %(namespace)s::text AS namespace, %(device)s::uuid AS device_id,
           NULL::uuid AS run_id, s.seq, false AS follows, true AS is_op, s.base, s.settled, %(policy)s::text AS policy,
           %(policies)s::text AS policies, true AS writes, %(ties)s::text AS ties,
           o.revision AS risen_to, o.horizon, s.place, s.key_hash, s.fingerprint, s.form, s.queryable, s.collection,
           s.key_json, s.value::json AS value
    FROM unnest(%(places)s::int[], %(seqs)s::bigint[], %(bases)s::bigint[], %(settled)s::text[],
                %(key_hashes)s::bytea[], %(fingerprints)s::bytea[], %(forms)s::smallint[], %(queryable)s::bool[],
                %(collections)s::text[], %(keys)s::text[], %(values)s::text[])
        AS s(place, seq, base, settled, key_hash, fingerprint, form, queryable, collection, key_json, value)
    JOIN migration_owner o ON o.id = %(owner)s
), {DECIDE}
SELECT n.place, n.outcome, coalesce(n.new_revision, t.revision, n.old_revision), coalesce(d.policy, n.verdict),
       coalesce(d.id, new.id), d.winner = 'arriving' AND t.revision IS NOT NULL, t.fingerprint,
       h.form, h.value::text, h.device_id, h.seq, b.form, b.value::text
FROM numbered n
-- What stands instead of the row, wherever it was not written.
LEFT JOIN LATERAL (SELECT * FROM migration_record r WHERE {_OF_KEY.format("r")}) h
    ON n.outcome IN ('conflict', 'mergeable', 'superseded')
-- The op itself, come before.
LEFT JOIN LATERAL (
    SELECT r.revision, r.fingerprint FROM migration_record r
    WHERE {_OF_KEY.format("r")} AND r.device_id = n.device_id AND r.seq = n.seq AND r.cause = 'op'
    UNION ALL
    SELECT v.revision, v.fingerprint FROM migration_record_version v
    WHERE {_OF_KEY.format("v")} AND v.device_id = n.device_id AND v.seq = n.seq AND v.cause = 'op'
    UNION ALL
    SELECT e.revision, coalesce(
        (SELECT r.fingerprint FROM migration_record r WHERE {_OF_KEY.format("r")} AND r.revision = e.revision),
        (SELECT v.fingerprint FROM migration_record_version v WHERE {_OF_KEY.format("v")} AND v.revision = e.revision))
    FROM migration_repetition e WHERE {_OF_KEY.format("e")} AND e.device_id = n.device_id AND e.seq = n.seq LIMIT 1
) t ON n.outcome IN ('unchanged', 'superseded')
LEFT JOIN LATERAL (
    SELECT c.id, c.policy, c.winner FROM migration_conflict c
    WHERE {_OF_KEY.format("c")} AND coalesce(c.record_revision = t.revision, true)
      AND (c.winner = 'arriving' AND t.revision IS NOT NULL OR c.loser_device_id = n.device_id AND c.loser_seq = n.seq)
    ORDER BY c.id DESC LIMIT 1
) d ON n.outcome IN ('unchanged', 'superseded')
LEFT JOIN disputes new ON new.key_hash = n.key_hash
-- What both sides began with.
LEFT JOIN LATERAL (
    SELECT v.form, v.value FROM migration_record_version v
    WHERE {_OF_KEY.format("v")} AND v.revision <= n.base AND v.superseded_by > n.base
) b ON n.outcome = 'mergeable'
ORDER BY n.place
""")


_JOURNAL = """
INSERT INTO migration_conflict (owner_id, namespace, key_hash, key_json, collection, policy, winner, reason,
    record_revision, base_revision, loser_device_id, loser_seq, loser_form, loser_fingerprint, loser_value, state,
    created_at)
VALUES (%s, %s, %s, %s, %s, 'AUTO_MERGE', %s, %s, %s, %s, %s, %s, %s, %s, %s::json, 'decided', %s) RETURNING id
"""


class Arrival(NamedTuple):
    """One op: the device's number of it, the revision it is based on (None: of none), and the row it would become.

    `settled` says what a merge of members came to: `merged` (the row is the result) or `tie`; or that a conflict was
    `decided` for this row, which is then written even where it stands already.
    """

    seq: int
    base: int | None
    row: Row
    settled: str | None = None


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes ops and under which terms.

    Without a device it is the server itself, which nobody disputes: `cause` then says why. `ties`: whether the stage
    gives the server the last word on them, by collection; under `""` of all others.
    """

    owner_id: UUID
    device_id: UUID | None
    namespace: str
    policy: str
    policies: dict[str, str]
    ties: dict[str, bool] = field(default_factory=dict)
    cause: str = "op"

    def yields(self, collection: str) -> bool:
        """Tell whether a tie in this collection goes to the server."""
        return self.ties.get(collection, self.ties.get("", False))


@dataclass(frozen=True, slots=True)
class Lock:
    """How an owner and a device stand, both locked until the transaction ends."""

    revision: int
    epoch: Epoch
    fence: int
    deletions: Deletions

    @classmethod
    def of(cls, rows: Sequence[Sequence[Any]]) -> "Lock":
        """Read what locking answered. Raises NotFound."""
        if not rows:
            raise NotFound("There is no such owner.")
        revision, of_app, of_owner, fence, deletions, since, seq, *_ = rows[0]
        return cls(revision, Epoch(of_app, of_owner), fence, Deletions(deletions, since, seq))


class Text(NamedTuple):
    """A stored value: its form, its text (None: deleted), and who wrote it."""

    form: int
    text: str | None
    device_id: UUID | None = None
    seq: int = 0


class Tie(NamedTuple):
    """Members both sides had changed: what the record came to at which revision, and the side that lost them."""

    arrival: Arrival
    revision: int
    arriving_won: bool
    loser: Text
    fingerprint: bytes


class Written(NamedTuple):
    """What became of one op.

    `outcome` is stored, unchanged, superseded, won, conflict, mergeable or overtaken (by another op of the same
    call); `revision` the one the op was given, else the one the record stands at. `held` is what stands where the op
    was not written, `base` what a merge begins with. `before` is the fingerprint the same op was written with when it
    came before, `won` whether it won its conflict then.
    """

    place: int
    outcome: str
    revision: int = 0
    policy: str = ""
    conflict: int | None = None
    won: bool = False
    before: bytes | None = None
    held: Text | None = None
    base: Text | None = None

    @classmethod
    def of(cls, row: Sequence[Any]) -> "Written":
        """Read a row of the statement."""
        place, outcome, revision, policy, conflict, won, before, form, text, device, seq, base_form, base_text = row
        held = None if form is None else Text(form, text, device, seq)
        base = None if base_form is None else Text(base_form, base_text)
        fingerprint = None if before is None else bytes(before)
        return cls(place, outcome, revision, policy, conflict, bool(won), fingerprint, held, base)


def locking(*, owner_id: UUID, device_id: UUID) -> Question:
    """Return the question that locks an owner and one of its devices; `Lock.of` reads the answer."""
    return _LOCK.of({"device": device_id, "owner": owner_id})


def writing(arrivals: Sequence[Arrival], *, writer: Writer, at: datetime) -> Question:
    """Return the question that judges ops of an owner who is locked, and writes what they come to.

    They stand in the order of their numbers; `outcomes` reads the answer. Of several ops with one key only the newest
    is looked at. What can be merged member by member is not written but answered as `mergeable`: the caller merges it
    and writes it, settled, in the same transaction.
    """
    given = {
        "owner": writer.owner_id,
        "namespace": writer.namespace,
        "device": writer.device_id,
        "policy": writer.policy,
        "policies": json.dumps(writer.policies),
        "ties": json.dumps(writer.ties),
        "at": at,
        "cause": writer.cause,
        **columns_of(arrivals),
        "settled": [one.settled for one in newest_of(arrivals).values()],
    }
    return _WRITE.of(given)


def outcomes(rows: Sequence[Sequence[Any]], *, count: int) -> list[Written]:
    """Return what became of each of so many ops, from the rows the question was answered with."""
    return in_place(map(Written.of, rows), count=count)


def in_place(written: Iterable[Written], *, count: int) -> list[Written]:
    """Return what became of each of so many ops: those nothing was written of were overtaken in their own call."""
    found = {one.place: one for one in written}
    return [found.get(place) or Written(place, "overtaken") for place in range(count)]


def write(arrivals: Sequence[Arrival], *, writer: Writer, at: datetime) -> list[Written]:
    """Ask `writing` by itself, in the caller's transaction, and return one outcome for each op."""
    rows = ask(writing(arrivals, writer=writer, at=at))
    return outcomes(rows, count=len(arrivals))


def journal(tie: Tie, *, writer: Writer, at: datetime) -> int:
    """Keep what lost a tie within a merged record, whole, as a conflict that is decided; return its id."""
    row = tie.arrival.row
    winner, reason = (
        ("arriving", "both sides changed the same member: the arriving write wins")
        if tie.arriving_won
        else ("server", "both sides changed the same member: the server has the last word")
    )
    given = [
        *(writer.owner_id, writer.namespace, row.key_hash, row.key_json.decode(), row.collection, winner, reason),
        *(tie.revision, tie.arrival.base, tie.loser.device_id, tie.loser.seq, tie.loser.form, tie.fingerprint),
        *(tie.loser.text, at),
    ]
    with connection.cursor() as cursor:
        cursor.execute(_JOURNAL, given)
        return int(cursor.fetchone()[0])


def newest_of(arrivals: Sequence[Arrival]) -> dict[int, Arrival]:
    """Return the newest op of each key, by its place."""
    places = {arrival.row.key_hash: place for place, arrival in enumerate(arrivals)}
    return {place: arrivals[place] for place in sorted(places.values())}


def columns_of(arrivals: Sequence[Arrival]) -> dict[str, list[Any]]:
    """Return the newest op of each key as arrays, one for each column."""
    newest = newest_of(arrivals)
    listed = newest.values()
    return {
        "places": list(newest),
        "seqs": [one.seq for one in listed],
        "bases": [one.base for one in listed],
        "key_hashes": [one.row.key_hash for one in listed],
        "fingerprints": [one.row.fingerprint for one in listed],
        "forms": [one.row.form for one in listed],
        "queryable": [one.row.queryable for one in listed],
        "collections": [one.row.collection for one in listed],
        "keys": [one.row.key_json.decode() for one in listed],
        "values": [None if one.row.value is None else one.row.value.decode() for one in listed],
    }
