"""The reverting itself: one statement that writes history, the journal and the records, under the owner's lock.

A superseded version is a row [revision, superseded_by), a superseded tombstone too; so the state at any revision
can be read, and going back is writing it anew under new revisions. Nothing is ever taken out of history.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from migration.models import Owner
from migration.rollback.within import EVERYTHING, Within

_AT_REVISION = "v.revision <= %(to)s AND v.superseded_by > %(to)s"

# Before the run's own write of what holds now. What another rollback gave back is dated by the write it was taken
# from: whatever had followed that write has been reverted already and must not come back.
_BEFORE_THE_RUN = """
v.run_id IS DISTINCT FROM %(run)s AND v.revision < CASE WHEN r.cause <> 'rollback' THEN r.revision ELSE coalesce(
    (SELECT max(o.revision) FROM migration_record_version o
     WHERE o.owner_id = %(owner)s AND o.namespace = r.namespace AND o.key_hash = r.key_hash
       AND o.run_id = %(run)s AND o.cause <> 'rollback' AND o.fingerprint = r.fingerprint), r.revision) END
"""

# Which records go back, and to which of their versions.
_RULES = {
    # What the run wrote, if nobody has written it since; back to what another writer had left there.
    "run": ("r.run_id = %(run)s", _BEFORE_THE_RUN),
    # What another rollback wrote, if nobody has written it since; back to the revision before that rollback.
    "undo": ("r.revision > %(first)s AND r.revision <= %(last)s", _AT_REVISION),
    # All that was written since, in as much of the owner as goes back; to what held then.
    "owner": ("r.revision > %(to)s", _AT_REVISION),
    "collection": ("r.revision > %(to)s AND r.collection = %(collection)s", _AT_REVISION),
    "record": ("r.revision > %(to)s AND r.namespace = %(namespace)s AND r.key_hash = %(key_hash)s", _AT_REVISION),
}
_KEEPS = {"run", "undo"}
"""Rules that keep what was written since; the others set it aside in the journal."""

# No join to the records: one planned for a freshly filled table's missing statistics may not end.
_REVERT = """
WITH plan AS MATERIALIZED (
    SELECT r.namespace, r.key_hash, r.key_json, r.revision AS now_revision, r.seq AS now_seq, r.device_id AS now_device,
           r.run_id AS now_run, r.cause AS now_cause, r.written_at AS now_written, r.form AS now_form,
           r.queryable AS now_queryable, r.fingerprint AS now_fingerprint, r.collection AS now_collection,
           r.value AS now_value,
           t.run_id, coalesce(t.form, 1) AS form, coalesce(t.queryable, false) AS queryable,
           coalesce(t.fingerprint, migration_fingerprint(r.key_json, 1::smallint, NULL)) AS fingerprint,
           -- A collection is what the key's newest label says, whatever it was called then.
           r.collection, t.value,
           %(from)s + row_number() OVER (ORDER BY r.revision) AS new_revision
    FROM migration_record r
    LEFT JOIN LATERAL (
        SELECT * FROM migration_record_version v
        WHERE v.owner_id = %(owner)s AND v.namespace = r.namespace AND v.key_hash = r.key_hash AND {target}
        ORDER BY v.revision DESC LIMIT 1
    ) t ON true
    WHERE r.owner_id = %(owner)s AND {candidate}
      AND r.fingerprint <> coalesce(t.fingerprint, migration_fingerprint(r.key_json, 1::smallint, NULL))
), history AS (
    INSERT INTO migration_record_version (owner_id, namespace, key_hash, key_json, revision, seq, device_id, run_id,
        cause, written_at, form, queryable, fingerprint, collection, value, superseded_by)
    SELECT %(owner)s, namespace, key_hash, key_json, now_revision, now_seq, now_device, now_run, now_cause, now_written,
           now_form, now_queryable, now_fingerprint, now_collection, now_value, new_revision
    FROM plan
), journal AS (
    INSERT INTO migration_conflict (owner_id, namespace, key_hash, key_json, collection, run_id, policy, winner, reason,
        record_revision, loser_device_id, loser_seq, loser_form, loser_fingerprint, loser_value, state, created_at)
    SELECT %(owner)s, p.namespace, p.key_hash, p.key_json, p.now_collection,
           (SELECT m.id FROM migration_migrationrun m WHERE m.id = p.now_run), 'ROLLBACK', 'server', %(reason)s,
           p.new_revision, p.now_device, p.now_seq, p.now_form, p.now_fingerprint, p.now_value, 'decided', %(at)s
    FROM plan p WHERE %(journals)s AND p.now_cause <> 'rollback'
    RETURNING 1
), written AS (
    INSERT INTO migration_record (owner_id, namespace, key_hash, key_json, revision, seq, device_id, run_id, cause,
        written_at, form, queryable, fingerprint, collection, value)
    SELECT %(owner)s, namespace, key_hash, key_json, new_revision, 0, NULL, run_id, 'rollback', %(at)s, form, queryable,
           fingerprint, collection, value
    FROM plan
    ON CONFLICT (owner_id, namespace, key_hash) DO UPDATE SET
        revision = EXCLUDED.revision, seq = EXCLUDED.seq, device_id = EXCLUDED.device_id, run_id = EXCLUDED.run_id,
        cause = EXCLUDED.cause, written_at = EXCLUDED.written_at, form = EXCLUDED.form, queryable = EXCLUDED.queryable,
        fingerprint = EXCLUDED.fingerprint, collection = EXCLUDED.collection, value = EXCLUDED.value
), risen AS (
    UPDATE migration_owner SET revision = revision + (SELECT count(*) FROM plan) WHERE id = %(owner)s
)
SELECT count(*), count(*) FILTER (WHERE value IS NULL), (SELECT count(*) FROM journal) FROM plan
"""

# Keys that would have gone back, had nobody written them since.
_KEPT = """
SELECT r.key_json, r.collection, r.revision, count(*) OVER ()
FROM migration_record r
WHERE r.owner_id = %(owner)s AND ({candidate}) IS NOT TRUE AND r.cause <> 'rollback'
  AND EXISTS (SELECT FROM migration_record_version v
              WHERE v.owner_id = %(owner)s AND v.namespace = r.namespace AND v.key_hash = r.key_hash AND {written})
ORDER BY r.revision LIMIT %(most)s
"""
_WRITTEN = {
    "run": "v.run_id = %(run)s AND v.cause <> 'rollback'",
    "undo": "v.revision > %(first)s AND v.revision <= %(last)s",
}


@dataclass(frozen=True, slots=True)
class Revert:
    """What to revert: `rule` is run, undo, owner, collection or record; the others are what that rule needs."""

    owner_id: UUID
    rule: str
    to_revision: int
    run_id: UUID | None = None
    first: int = 0
    last: int = 0
    within: Within = EVERYTHING

    def parameters(self) -> dict[str, Any]:
        """Return the parameters as the statements name them."""
        return {
            "owner": self.owner_id,
            "run": self.run_id,
            "to": self.to_revision,
            "first": self.first,
            "last": self.last,
            "collection": self.within.collection,
            "namespace": self.within.namespace,
            "key_hash": self.within.key_hash,
        }


@dataclass(frozen=True, slots=True)
class Kept:
    """A key that stays as it is because somebody wrote it since."""

    key_json: str
    collection: str
    revision: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a reverting did, or would do, in keys.

    `deleted` of the reverted were absent then and become tombstones; `journaled` of them collide with an edit, which is
    set aside in the conflict journal; `kept_count` stay as they are because somebody wrote them since.
    """

    from_revision: int
    reverted: int
    deleted: int
    journaled: int
    kept_count: int
    kept: tuple[Kept, ...]


def revert(what: Revert, *, at: datetime) -> Outcome:
    """Revert in the caller's transaction, under the owner's lock, and say what was done."""
    # Locked by a statement of its own: the next one's snapshot is then younger than the lock.
    owner = Owner.objects.select_for_update(no_key=True).get(id=what.owner_id)
    if what.rule not in _KEEPS and owner.revision <= what.to_revision:
        return Outcome(owner.revision, 0, 0, 0, 0, ())  # most owners of an app have not changed since
    kept, kept_count = kept_keys(what)
    candidate, target = _RULES[what.rule]
    with connection.cursor() as cursor:
        cursor.execute(
            _REVERT.format(candidate=candidate, target=target),
            {
                **what.parameters(),
                "from": owner.revision,
                "at": at,
                "journals": what.rule not in _KEEPS,
                "reason": f"rolled back to revision {what.to_revision}",
            },
        )
        reverted, deleted, journaled = cursor.fetchone()
    return Outcome(owner.revision, reverted, deleted, journaled, kept_count, tuple(kept))


def kept_keys(what: Revert, *, most: int = 100) -> tuple[list[Kept], int]:
    """Return up to `most` keys that stay because somebody wrote them since, and how many there are in all."""
    if what.rule not in _KEEPS:
        return [], 0
    candidate, _ = _RULES[what.rule]
    with connection.cursor() as cursor:
        cursor.execute(
            _KEPT.format(candidate=candidate, written=_WRITTEN[what.rule]), {**what.parameters(), "most": most}
        )
        rows = cursor.fetchall()
    return [Kept(key_json, collection, revision) for key_json, collection, revision, _ in rows], (
        rows[0][3] if rows else 0
    )
