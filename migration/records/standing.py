"""How what a run brought stands now: still held, written over, taken back, set aside, or gone for no reason we know."""

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from migration.records.held import DIGEST, PLACES, Scope, Tally

MISSING, DAMAGED = "missing", "damaged"
UNEXPLAINED = (MISSING, DAMAGED)
"""What no later write and no rollback explains."""

# What is held nowhere any more but was written over after the receipt may have been pruned from history, and so
# may the tombstone of what was deleted. Where the row that says it holds it is still there, its bytes have changed.
_STANDING = """
, stood AS (
    SELECT p.*, CASE
        WHEN place = 'missing' AND (r.fingerprint = p.fingerprint OR EXISTS (
            SELECT FROM migration_record_version v
            WHERE v.owner_id = %(owner)s AND v.namespace = %(namespace)s AND v.key_hash = p.key_hash
              AND v.fingerprint = p.fingerprint)) THEN 'damaged'
        WHEN place = 'missing' AND (r.revision > %(revision)s OR r.revision IS NULL AND %(revision)s < (
            SELECT o.horizon FROM migration_owner o WHERE o.id = %(owner)s)) THEN 'written_since'
        WHEN place <> 'stored' OR %(backed_up)s THEN place
        WHEN r.now = p.fingerprint THEN 'stored'
        WHEN r.cause = 'rollback' THEN 'rolled_back'
        ELSE 'written_since' END AS standing
    FROM placed p LEFT JOIN LATERAL (
        SELECT r.fingerprint, r.revision, r.cause, migration_fingerprint(r.key_json, r.form, r.value) AS now
        FROM migration_record r
        WHERE r.owner_id = %(owner)s AND r.namespace = %(namespace)s AND r.key_hash = p.key_hash OFFSET 0
    ) r ON true
)
"""
# One statement, so that counts and keys are of one moment.
_TALLY = f"""
SELECT GROUPING(standing, place), standing, place, count(*), coalesce(sum(bytes), 0), {DIGEST},
       (array_agg(key_json ORDER BY key_hash) FILTER (WHERE standing IN ('missing', 'damaged')))[1:%(most)s]
FROM stood GROUP BY GROUPING SETS ((standing), (place), ())
"""
_BY_STANDING, _BY_PLACE = 1, 2  # GROUPING: one bit for each column not grouped by


@dataclass(frozen=True, slots=True)
class Standing:
    """A run's entries by how they stand and by where they are held, all of them, and the keys nothing explains."""

    by_standing: dict[str, Tally]
    by_place: dict[str, Tally]
    claimed: Tally
    unexplained: list[tuple[str, str]]


def find_standing(*, latest: str, scope: Scope, revision: int, most: int = 100) -> Standing:
    """Say how each entry of `latest` stands since the owner was at `revision`; name up to `most` keys per oddity.

    `latest` is as for `find_held`, with the keys.
    """
    given = {**scope.parameters(), "revision": revision, "most": most}
    by_standing: dict[str, Tally] = {}
    by_place: dict[str, Tally] = {}
    claimed, unexplained = Tally(0, 0, b""), []
    with connection.cursor() as cursor:
        cursor.execute(PLACES.format(latest=latest) + _STANDING + _TALLY, given)
        for grouping, standing, place, entries, size, digest, keys in cursor.fetchall():
            tally = Tally(entries, int(size), bytes(digest))
            if grouping == _BY_STANDING:
                by_standing[standing] = tally
                unexplained += [(key, standing) for key in keys or []]
            elif grouping == _BY_PLACE:
                by_place[place] = tally
            else:
                claimed = tally
    return Standing(by_standing, by_place, claimed, unexplained)


def set_aside(*, owner_id: UUID, buckets: set[int], most: int) -> list[tuple[bytes, bytes, str, str]]:
    """Return (canonical line, fingerprint, collection, code) of an owner's open quarantine in these buckets."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT line, fingerprint, collection, code FROM migration_quarantineentry
               WHERE owner_id = %s AND state = 'open' AND get_byte(key_hash, 0) = ANY(%s) ORDER BY id DESC LIMIT %s""",
            [owner_id, sorted(buckets), most],
        )
        return [(bytes(line), bytes(hashed), name, code) for line, hashed, name, code in cursor.fetchall()]
