"""Sealing backups: from then on it is known how many entries they hold, and their digest."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol
from uuid import UUID

from migration.asking import ask
from migration.values.questions import Statement

_SEAL = Statement("""
UPDATE migration_backup b SET state = 'sealed', entries = s.entries, bytes = s.bytes, digest = s.digest,
       verified_at = %s::timestamptz
FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::bytea[]) AS s(run_id, entries, bytes, digest)
WHERE b.run_id = s.run_id
""")


class Claimed(Protocol):
    """The latest line of each key in a backup: how many, their bytes, their set digest."""

    @property
    def entries(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def digest(self) -> bytes: ...


def seal_backups(claimed: Mapping[UUID, Claimed], *, at: datetime) -> None:
    """Seal the backups of these runs, whose chunks were all opened just now."""
    tallies = list(claimed.values())
    entries, sizes, digests = zip(*((one.entries, one.size, one.digest) for one in tallies), strict=True)
    ask(_SEAL.of([at, list(claimed), list(entries), list(sizes), list(digests)]))
