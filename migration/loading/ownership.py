"""Statements 1 and 2 of a batch (semantics 5): lock the owners in order, then see what still holds.

Never one statement that locks and writes: it would read a snapshot older than its lock and lose history.
"""

from collections.abc import Iterable
from uuid import UUID

from migration.asking import ask
from migration.loading.parts import Part
from migration.values.questions import Statement

_LOCK = """
SELECT o.id, o.revision FROM migration_owner o WHERE o.id = ANY(%s::uuid[]) ORDER BY o.id FOR NO KEY UPDATE OF o
"""
_WAIT, _SKIP = Statement(_LOCK), Statement(f"{_LOCK} SKIP LOCKED")
_CURRENT = Statement("""
SELECT c.id
FROM unnest(%s::bigint[], %s::bigint[], %s::text[]) AS claim(id, fence, epoch)
JOIN migration_chunk c ON c.id = claim.id AND c.fence = claim.fence AND c.state = 'claimed'
JOIN migration_migrationrun r ON r.id = c.run_id AND r.state = 'transferring' AND NOT r.cancel_wished
JOIN migration_owner o ON o.id = c.owner_id
JOIN migration_app a ON a.id = c.app_id
WHERE claim.epoch = a.epoch || '.' || o.epoch
""")


def lock_owners(parts: list[Part]) -> dict[UUID, int]:
    """Lock the parts' owners; return those that are ours until the transaction ends, with their revisions.

    Owners another transaction holds are skipped, so that one slow neighbour does not hold up the batch; only
    when all of them are taken do we wait (always in the order of their ids, so no deadlock can arise).
    """
    owners = sorted({part.claim.owner_id for part in parts})
    locked: dict[UUID, int] = dict(ask(_SKIP.of([owners])))
    return locked or wait_for_owners(owners)


def wait_for_owners(owners: Iterable[UUID]) -> dict[UUID, int]:
    """Lock owners in the order of their ids, waiting for each; return those there are with their revisions."""
    return dict(ask(_WAIT.of([sorted(owners)])))


def still_ours(parts: list[Part]) -> list[Part]:
    """Return the parts whose claim, run and epoch still hold.

    The epoch holds until the transaction ends, because the owner is locked. Claims and runs are not locked, so that
    more may arrive for a run while a batch of it is written; the ledger's last statements see whether they have moved.
    """
    claims = [part.claim for part in parts]
    given = [[claim.id for claim in claims], [claim.fence for claim in claims], [part.terms.epoch for part in parts]]
    current = {chunk_id for (chunk_id,) in ask(_CURRENT.of(given))}
    return [part for part in parts if part.claim.id in current]
