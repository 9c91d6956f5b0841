"""What runs have written and what of it still stands, from the bytes that are stored: many runs in one question."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from uuid import UUID

from migration.asking import ask_all
from migration.records.held import Tally
from migration.values.questions import Question, Statement

# Found by their keys whatever the planner believes of a table that is just being filled. A record that does not lie
# under the hash of its own key would not be found by that key, so it does not count.
_BY_KEY = Question(
    """SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
    set_config('enable_mergejoin', 'off', true)""",
    [],
)
# What is sorted for the groups is a fingerprint, not a line. OFFSET 0 keeps each line from being built twice.
_WRITTEN = Statement("""
SELECT w.run_id, p.collection, sum(p.size), string_agg(p.piece, ''::bytea)
FROM unnest(%s::uuid[], %s::uuid[], %s::text[]) AS w(run_id, owner_id, namespace) CROSS JOIN LATERAL (
    SELECT r.collection, octet_length(l.line) AS size, substr(r.key_hash, 1, 1) || sha256(l.line) AS piece
    FROM migration_record r CROSS JOIN LATERAL (
        SELECT migration_line(r.key_json, r.form, r.value) AS line OFFSET 0
    ) l
    WHERE r.owner_id = w.owner_id AND r.namespace = w.namespace AND r.run_id = w.run_id
      AND r.key_hash = sha256(convert_to(r.key_json, 'UTF8'))
    OFFSET 0
) p GROUP BY 1, 2
""")
_PIECE = 33  # one byte of the key's hash, and the fingerprint


@dataclass(frozen=True, slots=True)
class Writer:
    """A run and where its records lie."""

    run_id: UUID
    owner_id: UUID
    namespace: str


@dataclass(frozen=True, slots=True)
class Written:
    """A run's standing records: set digests by collection and bucket, and all of them added up."""

    buckets: dict[str, dict[str, bytes]]
    total: Tally


def written_by(writers: Sequence[Writer]) -> dict[UUID, Written]:
    """Return what these runs have written and nobody has written over since. 33 bytes a record are held.

    Runs in a transaction. Its cost grows with all that the owners hold, not only with what the runs wrote.
    """
    given = zip(*((one.run_id, one.owner_id, one.namespace) for one in writers), strict=True)
    found: dict[UUID, list[tuple[str, int, bytes]]] = {one.run_id: [] for one in writers}
    _, rows = ask_all([_BY_KEY, _WRITTEN.of([list(column) for column in given])])
    for run_id, collection, size, joined in rows:
        found[run_id].append((collection, int(size), joined))
    return {run_id: _written(parts) for run_id, parts in found.items()}


def _written(parts: list[tuple[str, int, bytes]]) -> Written:
    buckets: dict[str, dict[str, bytes]] = {}
    fingerprints: list[bytes] = []
    for collection, _, joined in parts:
        pieces = sorted([joined[at : at + _PIECE] for at in range(0, len(joined), _PIECE)])
        named = buckets.setdefault(collection, {})
        for bucket, group in groupby(pieces, key=lambda piece: piece[0]):
            inside = [piece[1:] for piece in group]
            named[f"{bucket:02x}"] = sha256(b"".join(inside)).digest()
            fingerprints += inside
    fingerprints.sort()
    size = sum(size for _, size, _ in parts)
    return Written(buckets, Tally(len(fingerprints), size, sha256(b"".join(fingerprints)).digest()))
