"""Ops nobody disputes, all of them or none: judged, written and counted by one statement, so that they are committed
with the message that brings them.

Most ops are new records, or their device's next word on what it knew. `migration.loading.verdicts` would store each of
these as well, but its statement is made ready for everything that can become of a row, which costs more than running
it. This one only knows the rows that are `stored` there; as soon as one may be anything else it writes nothing, and
the other decides.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from migration.loading.ops import Arrival, Writer, Written, columns_of, in_place
from migration.loading.verdicts import RECORD_COLUMNS
from migration.values.epochs import Epoch
from migration.values.questions import Question, Statement

_OF_KEY = "{0}.owner_id = %(owner)s AND {0}.namespace = %(namespace)s AND {0}.key_hash = {1}.key_hash"

# Each line excludes what verdicts ask before they come to `stored`, in their order.
_STORED = f"""r.revision IS NULL OR (
    r.fingerprint <> s.fingerprint
    AND NOT (r.device_id IS NOT DISTINCT FROM %(device)s AND s.seq <= r.seq)
    AND NOT EXISTS (SELECT FROM migration_repetition e
        WHERE {_OF_KEY.format("e", "s")} AND e.device_id = %(device)s AND e.seq >= s.seq)
    AND (r.revision <= s.base OR s.base IS NULL AND r.device_id IS NOT DISTINCT FROM %(device)s)) IS TRUE"""


def statement(*, room: str, counted: str) -> Statement:
    """Return the statement, asked after `ops.locking` in the same message; its rows are read by `outcomes`.

    `room` is a condition under which anything may be written at all; `counted` a common table expression that counts
    what is written where `holds` has a row. Both may use parameters of their own.
    """
    return Statement(f"""
WITH arrived AS MATERIALIZED (
    SELECT s.*, r.revision AS old_revision, {_STORED} AS is_stored
    FROM unnest(%(places)s::int[], %(seqs)s::bigint[], %(bases)s::bigint[],
                %(key_hashes)s::bytea[], %(fingerprints)s::bytea[], %(forms)s::smallint[], %(queryable)s::bool[],
                %(collections)s::text[], %(keys)s::text[], %(values)s::text[]) WITH ORDINALITY
        AS s(place, seq, base, key_hash, fingerprint, form, queryable, collection, key_json, value, number)
    LEFT JOIN LATERAL (SELECT * FROM migration_record r WHERE {_OF_KEY.format("r", "s")} OFFSET 0) r ON true
), holds AS MATERIALIZED (
    SELECT o.revision FROM migration_owner o JOIN migration_app a ON a.id = o.app_id
    JOIN migration_device d ON d.owner_id = o.id AND d.id = %(device)s::uuid
    WHERE o.id = %(owner)s::uuid AND (a.epoch, o.epoch) = (%(app_epoch)s::bigint, %(owner_epoch)s::bigint)
      AND coalesce(%(fence)s::bigint, d.fence) = d.fence AND (SELECT bool_and(is_stored) FROM arrived) AND {room}
), numbered AS MATERIALIZED (
    SELECT a.*, h.revision + a.number AS new_revision FROM arrived a CROSS JOIN holds h
), history AS (
    INSERT INTO migration_record_version ({RECORD_COLUMNS}, superseded_by)
    SELECT r.owner_id, r.namespace, r.key_hash, r.revision, r.seq, r.device_id, r.run_id, r.cause, r.written_at, r.form,
           r.queryable, r.fingerprint, r.collection, r.key_json, r.value, n.new_revision
    FROM numbered n JOIN migration_record r ON {_OF_KEY.format("r", "n")}
    WHERE n.old_revision IS NOT NULL
), inserted AS (
    INSERT INTO migration_record ({RECORD_COLUMNS})
    SELECT %(owner)s, %(namespace)s, key_hash, new_revision, seq, %(device)s, NULL, 'op', %(at)s::timestamptz, form,
           queryable, fingerprint, collection, key_json, value::json
    FROM numbered WHERE old_revision IS NULL
), updated AS (
    UPDATE migration_record r SET
        revision = n.new_revision, seq = n.seq, device_id = %(device)s, run_id = NULL, cause = 'op',
        written_at = %(at)s, form = n.form, queryable = n.queryable, fingerprint = n.fingerprint,
        collection = n.collection, value = n.value::json
    FROM numbered n
    WHERE n.old_revision IS NOT NULL AND {_OF_KEY.format("r", "n")}
), risen AS (
    UPDATE migration_owner o SET revision = h.revision + cardinality(%(places)s) FROM holds h WHERE o.id = %(owner)s
), {counted}
SELECT place, new_revision FROM numbered
""")


def writing(
    asked: Statement,
    arrivals: Sequence[Arrival],
    *,
    writer: Writer,
    epoch: Epoch,
    fence: int | None,
    at: datetime,
    given: Mapping[str, Any],
) -> Question:
    """Return the question whether nobody disputes these ops, which stand in the order of their numbers.

    They are written if so, and if the owner's epoch and the device's fence (None: any) are these. `given` are the
    parameters of the condition and of the count.
    """
    known = {"owner": writer.owner_id, "namespace": writer.namespace, "device": writer.device_id, "at": at}
    terms = {"app_epoch": epoch.app, "owner_epoch": epoch.owner, "fence": fence}
    return asked.of({**given, **known, **terms, **columns_of(arrivals)})


def outcomes(rows: Sequence[Sequence[Any]], *, count: int) -> list[Written]:
    """Return what became of each of so many ops, from the rows the question was answered with: none, if none."""
    if not rows:
        return []
    return in_place((Written(place, "stored", revision) for place, revision in rows), count=count)
