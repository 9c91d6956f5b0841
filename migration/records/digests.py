"""What an owner's records hold, bucket by bucket, computed from the stored bytes; a bounded stretch at a time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from django.db import connection, transaction

from migration.values.lines import text_of

LAST = 255
"""The last bucket: they are numbered by the first byte of a key's hash."""
MOST_ENTRIES, MOST_BYTES = 10_000, 8 << 20
"""No further bucket is begun once so many entries, or so many bytes of values, were read."""

_FETCH = 250
# In the order of the primary key, so that a stretch is read and nothing else.
_ROWS = """
SELECT get_byte(key_hash, 0), key_json, migration_fingerprint(key_json, form, value), octet_length(value::text)
FROM migration_record
WHERE owner_id = %s AND namespace = %s AND key_hash >= %s AND value IS NOT NULL ORDER BY key_hash
"""


@dataclass(slots=True)
class Stretch:
    """The live records of the buckets from `first` to before `until`: key literals and fingerprints.

    They are held by (collection's rank, bucket as two hex digits).
    """

    first: int
    until: int = LAST + 1
    held: dict[tuple[int, str], list[tuple[str, bytes]]] = field(default_factory=dict)

    def covers(self, bucket: str) -> bool:
        """Tell whether a bucket, as two hex digits, was read."""
        return self.first <= int(bucket, 16) < self.until


def read_stretch(*, owner_id: UUID, namespace: str, rank: Callable[[str], int], first: int = 0) -> Stretch:
    """Read an owner's live records from a bucket on, as many whole buckets as fit the bounds, one at least.

    Keys are labelled anew by `rank`: patterns may have been declared since.
    """
    stretch = Stretch(first)
    entries = size = 0
    reached = first
    for bucket, key_json, fingerprint, length in _rows(owner_id, namespace, first):
        if bucket != reached and (entries >= MOST_ENTRIES or size >= MOST_BYTES):
            stretch.until = bucket
            break
        reached, entries, size = bucket, entries + 1, size + length
        place = rank(text_of(key_json)), f"{bucket:02x}"
        stretch.held.setdefault(place, []).append((key_json, bytes(fingerprint)))
    return stretch


def _rows(owner_id: UUID, namespace: str, first: int) -> Iterator[tuple[int, str, bytes, int]]:
    """Read an owner's records from a bucket on through a cursor on the server, a few in memory at a time."""
    with transaction.atomic(), connection.cursor() as cursor:
        name = f"records_{uuid4().hex}"
        cursor.execute(f"DECLARE {name} NO SCROLL CURSOR FOR {_ROWS}", [owner_id, namespace, bytes([first])])
        while True:
            cursor.execute(f"FETCH {_FETCH} FROM {name}")
            page = cursor.fetchall()
            yield from page
            if len(page) < _FETCH:
                return
