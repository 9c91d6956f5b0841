"""Where each claimed line is held: in a record or its history, as a conflict's loser, in quarantine, or nowhere.

The server's side is computed from the bytes that are stored (`migration_fingerprint`), never read from a stored
hash: what was damaged after it was written is found too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection

# Subqueries, not joins: each is one probe of a primary or unique key, whatever the statistics say. A table that has
# just been filled has none, and a join planned for one row instead of a hundred thousand does not end.
_OF_KEY = "{0}.owner_id = %(owner)s AND {0}.namespace = %(namespace)s AND {0}.key_hash = l.key_hash"
_ITS_DEVICES = """{0} = (SELECT m.device_id FROM migration_migrationrun m WHERE m.id = %(run)s)
    AND {1} > (SELECT k.seq FROM migration_chunk k WHERE k.id = l.chunk_id)"""
# The run's device had written the key anew, by an op, before the chunk was loaded: the chunk's word was never to be
# stored, and what took its place is. Where some row says that it holds it, though, its bytes have changed.
_OVERTAKEN = f"""
    NOT EXISTS (SELECT FROM migration_record r WHERE {_OF_KEY.format("r")} AND r.fingerprint = l.fingerprint)
    AND NOT EXISTS (SELECT FROM migration_record_version v
                    WHERE {_OF_KEY.format("v")} AND v.fingerprint = l.fingerprint)
    AND (EXISTS (SELECT FROM migration_record r
                 WHERE {_OF_KEY.format("r")} AND {_ITS_DEVICES.format("r.device_id", "r.seq")})
      OR EXISTS (SELECT FROM migration_record_version v
                 WHERE {_OF_KEY.format("v")} AND {_ITS_DEVICES.format("v.device_id", "v.seq")})
      OR EXISTS (SELECT FROM migration_repetition e
                 WHERE {_OF_KEY.format("e")} AND {_ITS_DEVICES.format("e.device_id", "e.seq")})
      OR EXISTS (SELECT FROM migration_conflict c
                 WHERE {_OF_KEY.format("c")} AND {_ITS_DEVICES.format("c.loser_device_id", "c.loser_seq")}))
"""
PLACES = f"""
WITH latest AS MATERIALIZED ({{latest}}), placed AS (
    SELECT l.*, get_byte(l.key_hash, 0) AS bucket, CASE
        WHEN %(backed_up)s AND NOT EXISTS (
            SELECT FROM migration_quarantineentry q WHERE q.chunk_id = l.chunk_id AND q.ordinal = l.ordinal)
             THEN 'stored'
        WHEN l.fingerprint = (SELECT migration_fingerprint(r.key_json, r.form, r.value) FROM migration_record r
                              WHERE r.owner_id = %(owner)s AND r.namespace = %(namespace)s AND r.key_hash = l.key_hash)
             THEN 'stored'
        WHEN EXISTS (SELECT FROM migration_record_version v
                     WHERE v.owner_id = %(owner)s AND v.namespace = %(namespace)s AND v.key_hash = l.key_hash
                       AND migration_fingerprint(v.key_json, v.form, v.value) = l.fingerprint) THEN 'stored'
        WHEN EXISTS (SELECT FROM migration_conflict c
                     WHERE c.owner_id = %(owner)s AND c.namespace = %(namespace)s AND c.key_hash = l.key_hash
                       AND migration_fingerprint(c.key_json, c.loser_form, c.loser_value) = l.fingerprint)
             THEN 'conflict'
        WHEN l.fingerprint = (SELECT sha256(q.line) FROM migration_quarantineentry q
                              WHERE q.chunk_id = l.chunk_id AND q.ordinal = l.ordinal) THEN 'quarantined'
        WHEN {_OVERTAKEN} THEN 'stored'
        ELSE 'missing' END AS place
    FROM latest l
)
"""
DIGEST = "sha256(coalesce(string_agg(fingerprint, ''::bytea ORDER BY fingerprint), ''))"
_TALLY = f"""
SELECT GROUPING(rank, place), rank, bucket, place, count(*), coalesce(sum(bytes), 0), {DIGEST},
       count(*) FILTER (WHERE place = 'missing')
FROM placed GROUP BY GROUPING SETS ((rank, bucket), (place), ())
"""
_HELD = "(place <> 'missing' OR chunk_id = ANY(%(waiting)s))"
_OF_BUCKETS, _OF_PLACES, _OF_ALL = 1, 2, 3  # GROUPING: one bit for each column not grouped by


@dataclass(frozen=True, slots=True)
class Tally:
    """A set of entries: how many, their size in bytes, their set digest, and how many of them are held nowhere."""

    entries: int
    size: int
    digest: bytes
    missing: int = 0


@dataclass(slots=True)
class Holding:
    """A run's claimed entries, by (collection's rank, bucket) and by where they are held."""

    buckets: dict[tuple[int, str], Tally] = field(default_factory=dict)
    places: dict[str, Tally] = field(default_factory=dict)
    claimed: Tally = Tally(0, 0, b"")


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose records a run's claims are looked up in. `backed_up` is true where nothing was to become a record."""

    owner_id: UUID
    namespace: str
    run_id: UUID
    backed_up: bool

    def parameters(self) -> dict[str, Any]:
        """Return the scope as the statements name it."""
        return {
            "owner": self.owner_id,
            "namespace": self.namespace,
            "run": self.run_id,
            "backed_up": self.backed_up,
        }


def find_held(*, latest: str, scope: Scope) -> Holding:
    """Place each entry of `latest` and add up; one statement, so all of it is of one moment.

    `latest` is a query giving key_hash, fingerprint, chunk_id, ordinal, bytes and rank of one line per key.
    """
    holding = Holding()
    with connection.cursor() as cursor:
        cursor.execute(PLACES.format(latest=latest) + _TALLY, scope.parameters())
        for grouping, rank, bucket, place, entries, size, digest, missing in cursor.fetchall():
            tally = Tally(entries, int(size), bytes(digest), missing)
            if grouping == _OF_BUCKETS:
                holding.buckets[rank, f"{bucket:02x}"] = tally
            elif grouping == _OF_PLACES:
                holding.places[place] = tally
            else:
                holding.claimed = tally
    return holding


def restate_fingerprints(*, scope: Scope) -> int:
    """Make the stored fingerprints those of the stored bytes, under the owner's lock; return how many were not.

    A record damaged after it was written would else pass for what it was, and what is resent for a no-op.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE migration_record SET fingerprint = migration_fingerprint(key_json, form, value)
               WHERE owner_id = %(owner)s AND namespace = %(namespace)s
                 AND fingerprint <> migration_fingerprint(key_json, form, value)""",
            scope.parameters(),
        )
        return int(cursor.rowcount)


def held_digests(*, latest: str, scope: Scope, waiting: Sequence[int]) -> dict[tuple[int, str], bytes]:
    """Return the digest of what is held by (rank, bucket). Entries of chunks in `waiting`, not loaded yet, count."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"{PLACES.format(latest=latest)} SELECT rank, bucket, {DIGEST} FROM placed WHERE {_HELD} GROUP BY 1, 2",
            {**scope.parameters(), "waiting": list(waiting)},
        )
        return {(rank, f"{bucket:02x}"): bytes(digest) for rank, bucket, digest in cursor.fetchall()}


def held_keys(
    *, latest: str, scope: Scope, waiting: Sequence[int], buckets: Sequence[tuple[int, str]]
) -> list[tuple[int, str, str, bytes]]:
    """Return (rank, bucket, key literal, fingerprint) of what is held in these buckets, in the order of key hashes."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""{PLACES.format(latest=latest)} SELECT rank, bucket, key_json, fingerprint FROM placed
                WHERE {_HELD} AND (rank, bucket) IN (SELECT * FROM unnest(%(ranks)s::int[], %(buckets)s::int[]))
                ORDER BY key_hash""",
            {
                **scope.parameters(),
                "waiting": list(waiting),
                "ranks": [rank for rank, _ in buckets],
                "buckets": [int(bucket, 16) for _, bucket in buckets],
            },
        )
        return [(rank, f"{bucket:02x}", key_json, bytes(found)) for rank, bucket, key_json, found in cursor.fetchall()]
